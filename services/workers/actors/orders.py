"""Orders in: every line becomes a run or a reason, once, however often and however many at a time the order comes."""

from typing import Any

import msgspec

from services.workers.actors.dispatch import approve
from shared.domain import allocation, amounts, commands, events, orders, refusals
from shared.domain.orders import DesignFacts, Line, Order, Outcome
from shared.domain.runs import Run, Status
from shared.storage.directory import snapshot_of
from shared.storage.order_store import THIN
from shared.storage.work import Work


def place_order(command: commands.PlaceOrder, work: Work) -> None:
    """Record every line that is not recorded yet; those with a design become runs."""
    order = command.order
    known = work.order_lines.lock(source=command.source, order_id=order.id)
    lines = [line for line in order.items or [] if line.id not in known]
    links = work.directory.product_links({line.product_id for line in lines if line.product_id})
    designs = work.directory.designs({link.design_id for link in links})
    outcomes = [_take_line(order, line, command.source, links, designs, work) for line in lines]
    if not order.items and not known:
        outcomes = [_park(order, command.source, work)]
    elif lines and THIN in known:
        work.order_lines.settle_thin(source=command.source, order_id=order.id)
    if outcomes:
        work.tell(events.OrderReceived(after={"source": command.source, "order_id": order.id, "lines": outcomes}))
    work.answer(lines=outcomes)


def create_run(command: commands.CreateRun, work: Work) -> None:
    """A run made by hand waits for review like an order's."""
    run = _new_run(command, work, quantity=command.quantity)
    if command.partner_id:
        allocation.check_partner(
            command.partner_id, work.directory.partners([command.partner_id]), pointer="/partner_id"
        )
    run = msgspec.structs.replace(
        run,
        partner_id=command.partner_id,
        role=command.role,
        product_id=command.product_id,
        variant_id=command.variant_id,
        order_id=command.order_id,
        order_line_item_id=command.order_line_item_id,
    )
    work.runs.add(run, metadata=command.metadata)
    work.tell(events.RunCreated(after={"status": run.status.value}), run=run)
    work.answer(run_id=run.id)


def create_design_run(command: commands.CreateDesignRun, work: Work) -> None:
    """Make a run of a design and approve it in one step; without assignments the design's partners share it."""
    assignments = command.assignments or []
    if not assignments and command.quantity is not None:
        assignments = allocation.share_evenly(command.quantity, work.directory.linked_partner_ids(command.design_id))
    quantity = allocation.check_sums(assignments, command.quantity)
    assignments = [_with_choice(share, command) for share in assignments]
    run = _new_run(command, work, quantity=quantity)
    work.runs.add(run, metadata=command.metadata)
    work.tell(events.RunCreated(after={"status": run.status.value}), run=run)
    approve(run, assignments, work, metadata=command.metadata)


def _take_line(
    order: Order,
    line: Line,
    source: str,
    links: list[orders.ProductLink],
    designs: dict[str, DesignFacts],
    work: Work,
) -> dict[str, Any]:
    outcome, reason = orders.judge(order, line, links)
    run_id = None
    if outcome is Outcome.RUN:
        run_id = _run_for(order, line, source, designs[orders.design_for(line, links) or ""], work)
    work.order_lines.add(
        line_id=work.new_id("oline", line.id),
        source=source,
        order_id=order.id,
        order_line_item_id=line.id,
        outcome=outcome,
        reason=reason,
        run_id=run_id,
        body=msgspec.to_builtins(line),
        at=work.now,
    )
    return {"order_line_item_id": line.id, "outcome": outcome.value, "reason": reason, "production_run_id": run_id}


def _run_for(order: Order, line: Line, source: str, design: DesignFacts, work: Work) -> str:
    snapshot_id = work.new_id("snap", line.id)
    run = orders.run_for(
        order, line, source=source, design_id=design.id, run_id=work.new_id("run", line.id), snapshot_id=snapshot_id
    )
    provenance = {
        "source": source,
        "order_id": order.id,
        "display_id": order.display_id,
        "line": msgspec.to_builtins(line),
    }
    work.runs.add_snapshot(snapshot_of(design, snapshot_id=snapshot_id, provenance=provenance, at=work.now))
    work.runs.add(run, metadata={"source": "order.placed"})
    work.tell(events.RunCreated(after={"status": run.status.value}), run=run)
    return run.id


def _park(order: Order, source: str, work: Work) -> dict[str, Any]:
    outcome, reason = orders.judge_thin(order)
    work.order_lines.add(
        line_id=work.new_id("oline", THIN),
        source=source,
        order_id=order.id,
        order_line_item_id=THIN,
        outcome=outcome,
        reason=reason,
        run_id=None,
        body=msgspec.to_builtins(order),
        at=work.now,
    )
    return {"order_line_item_id": THIN, "outcome": outcome.value, "reason": reason, "production_run_id": None}


def _new_run(command: commands.CreateRun | commands.CreateDesignRun, work: Work, *, quantity: Any) -> Run:
    design = work.directory.designs([command.design_id]).get(command.design_id)
    if design is None:
        raise refusals.Unknown(pointer="/design_id", thing="design", value=command.design_id)
    provenance = {
        name: getattr(command, name)
        for name in ("product_id", "variant_id", "order_id", "order_line_item_id")
        if getattr(command, name, None)
    }
    snapshot_id = work.new_id("snap")
    provenance["quantity"] = amounts.plain(quantity)
    work.runs.add_snapshot(snapshot_of(design, snapshot_id=snapshot_id, provenance=provenance, at=work.now))
    return Run(
        id=work.new_id("run", "root"),
        status=Status.PENDING_REVIEW,
        run_type=command.run_type,
        quantity=quantity,
        design_id=design.id,
        snapshot_id=snapshot_id,
    )


def _with_choice(share: allocation.Assignment, command: commands.CreateDesignRun) -> allocation.Assignment:
    """The choice of the whole is for every share without its own."""
    if command.selection.is_empty or not share.selection.is_empty:
        return share
    return msgspec.structs.replace(
        share,
        template_names=command.template_names,
        template_ids=command.template_ids,
        template_category=command.template_category,
    )


ACTORS: tuple[Any, ...] = (place_order, create_run, create_design_run)
