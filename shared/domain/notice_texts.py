"""The words of every notice, in every language: title and text as templates with plain values. One table, read by `notices`.

Values: run (the end of its id), role, quantity, design, partner, reason, due (in the reader's time zone), tasks.
"""

from enum import StrEnum
from string import Template


class Language(StrEnum):
    """A language that people are told in."""

    ENGLISH = "en"
    HINDI = "hi"


def _texts(table: dict[str, tuple[str, str]]) -> dict[str, tuple[Template, Template]]:
    return {key: (Template(title), Template(text)) for key, (title, text) in table.items()}


TEXTS: dict[Language, dict[str, tuple[Template, Template]]] = {
    Language.ENGLISH: _texts({
        "sent": (
            "New work: $design",
            "Run $run is yours: $quantity × $design ($role). Please accept or decline it by $due.",
        ),
        "reminded_accept": (
            "Please answer: $design",
            "Run $run ($quantity × $design, $role) waits for your answer. Please accept or decline it by $due.",
        ),
        "reminded_start": (
            "Please start: $design",
            "You accepted run $run ($quantity × $design, $role) and it has not been started. Please start it by $due.",
        ),
        "reminded_finish": (
            "How far is it? $design",
            "We have heard nothing of run $run ($quantity × $design, $role) for some days. Please tell us how far it is; it is due by $due.",
        ),
        "reassigned": (
            "Given to somebody else: $design",
            "Run $run ($quantity × $design, $role) is no longer yours. Please do not work on it any more.",
        ),
        "cancelled": (
            "Cancelled: $design",
            "Run $run ($quantity × $design, $role) was cancelled. Please stop working on it. Reason: $reason.",
        ),
        "rework": (
            "More to do: $design",
            "Run $run ($quantity × $design, $role) has new tasks: $tasks. About: $reason.",
        ),
        "declined": (
            "Declined: $design",
            "$partner declined run $run ($quantity × $design, $role): $reason. A new partner is wanted.",
        ),
        "overdue": (
            "Overdue: $design",
            "Run $run ($quantity × $design, $role) at $partner is overdue: $reason. Every step stays open.",
        ),
        "dispatch_lapsed": (
            "Dispatch ended: $design",
            "The dispatch of run $run ($quantity × $design, $role) ended: $reason. It can be started again.",
        ),
        "dispatch_failed": (
            "Not sent: $design",
            "Run $run ($quantity × $design, $role) could not be sent to $partner by itself: $reason",
        ),
        "escalated": (
            "No news: $design",
            "Reminders did not help: run $run ($quantity × $design, $role) at $partner stands still. $reason.",
        ),
        "parked": (
            "New partner wanted: $design",
            "$partner did not answer for run $run ($quantity × $design, $role): $reason. A new partner is wanted.",
        ),
        "flagged": (
            "Please decide: $design",
            "Something changed outside for run $run ($quantity × $design, $role): $reason. A person must decide.",
        ),
        "stock_short": (
            "Stock short: $design",
            "Run $run ($quantity × $design, $role) used more material than was in stock: $reason.",
        ),
    }),
    Language.HINDI: _texts({
        "sent": (
            "नया काम: $design",
            "रन $run आपके लिए है: $quantity × $design ($role)। कृपया $due तक इसे स्वीकार या अस्वीकार करें।",
        ),
        "reminded_accept": (
            "कृपया उत्तर दें: $design",
            "रन $run ($quantity × $design, $role) आपके उत्तर की प्रतीक्षा में है। कृपया $due तक इसे स्वीकार या अस्वीकार करें।",
        ),
        "reminded_start": (
            "कृपया काम शुरू करें: $design",
            "आपने रन $run ($quantity × $design, $role) स्वीकार किया था, पर काम अभी शुरू नहीं हुआ है। कृपया $due तक शुरू करें।",
        ),
        "reminded_finish": (
            "काम कहाँ तक पहुँचा? $design",
            "रन $run ($quantity × $design, $role) के बारे में कुछ दिनों से कोई समाचार नहीं है। कृपया बताएँ कि काम कहाँ तक पहुँचा; समय सीमा $due है।",
        ),
        "reassigned": (
            "किसी और को दिया गया: $design",
            "रन $run ($quantity × $design, $role) अब आपके पास नहीं है। कृपया इस पर आगे काम न करें।",
        ),
        "cancelled": (
            "रद्द: $design",
            "रन $run ($quantity × $design, $role) रद्द कर दिया गया है। कृपया काम रोक दें। कारण: $reason।",
        ),
        "rework": (
            "और काम: $design",
            "रन $run ($quantity × $design, $role) में नए कार्य जुड़े हैं: $tasks। विषय: $reason।",
        ),
        "declined": (
            "अस्वीकार: $design",
            "$partner ने रन $run ($quantity × $design, $role) अस्वीकार किया: $reason। नया साझेदार चाहिए।",
        ),
        "overdue": (
            "समय बीत गया: $design",
            "$partner के पास रन $run ($quantity × $design, $role) का समय बीत गया है: $reason। हर कदम खुला है।",
        ),
        "dispatch_lapsed": (
            "प्रेषण समाप्त: $design",
            "रन $run ($quantity × $design, $role) का प्रेषण समाप्त हो गया: $reason। इसे फिर शुरू किया जा सकता है।",
        ),
        "dispatch_failed": (
            "भेजा नहीं गया: $design",
            "रन $run ($quantity × $design, $role) अपने आप $partner को नहीं भेजा जा सका: $reason",
        ),
        "escalated": (
            "कोई समाचार नहीं: $design",
            "याद दिलाने पर भी $partner के पास रन $run ($quantity × $design, $role) रुका हुआ है। $reason।",
        ),
        "parked": (
            "नया साझेदार चाहिए: $design",
            "$partner ने रन $run ($quantity × $design, $role) का उत्तर नहीं दिया: $reason। नया साझेदार चाहिए।",
        ),
        "flagged": (
            "कृपया निर्णय लें: $design",
            "रन $run ($quantity × $design, $role) के लिए बाहर कुछ बदला है: $reason। किसी व्यक्ति को निर्णय लेना है।",
        ),
        "stock_short": (
            "माल कम पड़ा: $design",
            "रन $run ($quantity × $design, $role) में भंडार से अधिक माल लगा: $reason।",
        ),
    }),
}  # fmt: skip
