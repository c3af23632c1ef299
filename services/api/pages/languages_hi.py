"""Hindi, by the English sentence."""

HINDI: dict[str, str] = {
    "Sign in": "साइन इन करें",
    "Sign out": "साइन आउट",
    "E-mail": "ई-मेल",
    "Password": "पासवर्ड",
    "Runs": "काम",
    "Saved.": "सहेजा गया।",
}
