"""What runs refer to: partners, designs, product links, templates, accounts. Mostly read; small writes of their own."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine

from shared.domain.allocation import PartnerStanding
from shared.domain.dispatch import Selection
from shared.domain.orders import DesignFacts, ProductLink
from shared.domain.runs import Snapshot
from shared.domain.tasks import Template
from shared.runtime import ids, passwords
from shared.storage.writes import Writes


class Directory:
    """The directory of one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._links: list[dict[str, Any]] = []

    def partners(self, partner_ids: Collection[str]) -> dict[str, PartnerStanding]:
        """The partners that exist among the given ids."""
        if not partner_ids:
            return {}
        rows = self._connection.exec_driver_sql(
            "SELECT id, name, status FROM partner WHERE id = ANY(%(ids)s)", {"ids": list(partner_ids)}
        )
        return {row[0]: PartnerStanding(*row) for row in rows}

    def linked_partner_ids(self, design_id: str) -> list[str]:
        """The active partners linked to a design, oldest link first."""
        return list(
            self._connection.exec_driver_sql(
                """SELECT p.id FROM design_partner l JOIN partner p ON p.id = l.partner_id
                   WHERE l.design_id = %(design)s AND p.status = 'active' ORDER BY l.created_at, p.id""",
                {"design": design_id},
            ).scalars()
        )

    def link(self, design_id: str, shares: Mapping[str, str | None]) -> None:
        """Link a design and partners (id → role), once each."""
        self._links += [
            {"design_id": design_id, "partner_id": partner_id, "role": role}
            for partner_id, role in sorted(shares.items())
        ]

    def templates(self, *selections: Selection) -> list[Template]:
        """Every template in use that fits an id, a name or a category of the selections."""
        wanted_ids = [one for selection in selections for one in selection.template_ids or ()]
        names = [one for selection in selections for one in selection.template_names or ()]
        categories = [selection.template_category for selection in selections if selection.template_category]
        rows = self._connection.exec_driver_sql(
            f"""SELECT {_TEMPLATE_LIST} FROM task_template t LEFT JOIN template_category c ON c.id = t.category_id
                WHERE t.retired_at IS NULL
                  AND (t.id = ANY(%(ids)s) OR t.name = ANY(%(names)s) OR c.name = ANY(%(categories)s))""",
            {"ids": wanted_ids, "names": names, "categories": categories},
        )
        return [_convert(row, Template) for row in rows]

    def designs(self, design_ids: Collection[str]) -> dict[str, DesignFacts]:
        """What snapshots keep of the designs that exist among the given ids."""
        rows = self._connection.exec_driver_sql(
            f"SELECT {', '.join(DesignFacts.__struct_fields__)} FROM design WHERE id = ANY(%(ids)s)",
            {"ids": list(design_ids)},
        )
        return {row[0]: _convert(row, DesignFacts) for row in rows}

    def product_links(self, product_ids: Collection[str]) -> list[ProductLink]:
        """All links of the given products."""
        rows = self._connection.exec_driver_sql(
            "SELECT product_id, variant_id, design_id FROM product_link WHERE product_id = ANY(%(ids)s)",
            {"ids": list(product_ids)},
        )
        return [ProductLink(*row) for row in rows]

    def move_design(self, design_id: str, *, to: str, unless: Collection[str]) -> bool:
        """Set a design's status at once. False when it stands where it must be left alone, or there already."""
        return bool(
            self._connection.exec_driver_sql(
                """UPDATE design SET status = %(to)s, updated_at = now()
                   WHERE id = %(id)s AND status <> ALL(%(unless)s) AND status <> %(to)s""",
                {"id": design_id, "to": to, "unless": list(unless)},
            ).rowcount
        )

    def flush(self, writes: Writes) -> None:
        writes.insert("design_partner", self._links, on_conflict="(design_id, partner_id) DO NOTHING")


def snapshot_of(design: DesignFacts, *, snapshot_id: str, provenance: Mapping[str, Any], at: datetime) -> Snapshot:
    """Freeze a design and where the wish came from."""
    frozen = msgspec.to_builtins(design)
    materials = frozen.pop("planned_materials")
    return Snapshot(
        id=snapshot_id, captured_at=at, design=frozen, planned_materials=materials, provenance=dict(provenance)
    )


def ensure_admin(engine: Engine, *, email: str, password: str) -> bool:
    """Make the admin's account, or give it this password. True when it was made."""
    with engine.begin() as connection:
        return bool(
            connection.exec_driver_sql(
                """INSERT INTO account (id, email, name, role, password_hash) VALUES (%(id)s, %(email)s, 'Admin', 'admin', %(hash)s)
                   ON CONFLICT (email) DO UPDATE SET password_hash = excluded.password_hash, is_active = true, updated_at = now()
                   RETURNING xmax = 0""",
                {"id": ids.fresh("acct"), "email": email.strip().lower(), "hash": passwords.hashed(password)},
            ).scalar()
        )


def has_admin(engine: Engine, *, email: str) -> bool:
    """The admin's account is there."""
    with engine.connect() as connection:
        return bool(
            connection.exec_driver_sql(
                "SELECT 1 FROM account WHERE email = %(email)s AND role = 'admin'", {"email": email.strip().lower()}
            ).scalar()
        )


T = TypeVar("T")
_TEMPLATE_LIST = ", ".join("c.name" if name == "category" else f"t.{name}" for name in Template.__struct_fields__)


def _convert(row: Any, kind: type[T]) -> T:
    names = kind.__struct_fields__  # type: ignore[attr-defined]
    return msgspec.convert(dict(zip(names, row, strict=True)), kind, builtin_types=(Decimal, datetime))
