"""Orders in: every line becomes a run or a reason, once, however often and however many at a time the order comes."""

from collections.abc import Mapping
from typing import Any

import msgspec

from services.workers.actors.dispatch import approve
from shared.domain import allocation, amounts, commands, events, orders, refusals
from shared.domain.orders import DesignFacts, Line, Order, Outcome, Recorded, ShopOrder
from shared.domain.runs import Run, Status
from shared.messages import SYSTEM
from shared.storage.directory import snapshot_of
from shared.storage.order_store import THIN
from shared.storage.work import Work

Lines = Mapping[str, Recorded]
"""The recorded lines of an order, by the shop's ids."""


def place_order(command: commands.PlaceOrder, work: Work) -> None:
    """Record every line that is not recorded yet; those with a design become runs."""
    order = command.order
    known, recorded = work.order_lines.lock(source=command.source, order_id=order.id)
    at = order.updated_at or order.placed_at
    left_out = orders.LEFT_OUT if known.has_lines and orders.is_stale(known, at) else None
    was_off = known.off_reason
    orders.hear(known, order, at=at)
    outcomes = _take_lines(order, known, recorded, work, off=known.off_reason or left_out)
    _turn(known, recorded, work, was_off=was_off)
    _answer_lines(order, command.source, outcomes, work)


def update_order(command: commands.UpdateOrder, work: Work) -> None:
    """New lines are taken; runs of changed lines are flagged, never changed; an order that is off takes back its runs."""
    order = command.order
    known, recorded = work.order_lines.lock(source=command.source, order_id=order.id)
    if orders.is_stale(known, order.updated_at):
        work.answer(lines=[], ignored=orders.OLD_WORD)
        return
    was_off = known.off_reason
    orders.hear(known, order, at=order.updated_at)
    outcomes = _take_lines(order, known, recorded, work, off=known.off_reason)
    if not known.off_reason:
        _change_lines(order, known, recorded, work)
    _turn(known, recorded, work, was_off=was_off)
    _answer_lines(order, command.source, outcomes, work)


def cancel_order(command: commands.CancelOrder, work: Work) -> None:
    """End what did not go out yet, flag the rest; an order that was never placed makes nothing when it comes."""
    known, recorded = work.order_lines.lock(source=command.source, order_id=command.order_id)
    if orders.is_cancel_stale(known, command.at):
        work.answer(lines=[], ignored=orders.OLD_WORD)
        return
    was_off = known.off_reason
    orders.call_off(known, at=command.at)
    reason = orders.NOT_MADE["cancelled"] + (f": {command.reason}" if command.reason else "")
    if not was_off:
        _take_back(reason, recorded, work)
    work.answer(lines=[])


def change_lines(command: commands.ChangeLines, work: Work) -> None:
    """Flag the runs of lines that were edited or refunded; a line that nobody has told yet is kept until it is."""
    known, recorded = work.order_lines.lock(source=command.source, order_id=command.order_id)
    if orders.is_told(known, command.at):
        work.answer(lines=[], ignored=orders.OLD_WORD)
        return
    for change in command.changes:
        if change.line_id in recorded:
            _flag(recorded[change.line_id], f"order {command.order_id}: {change.sentence}", work)
    added = {each.line_id: each for each in command.changes if each.kind is orders.DeltaKind.ADDED}
    for change in added.values():
        if change.line_id not in recorded:
            _expect(change, known, work)
    work.answer(lines=[change.line_id for change in command.changes])


def retry_line(command: commands.RetryLine, work: Work) -> None:
    """Judge a line that made no run anew; one that is not unmapped is answered as it is."""
    source, order_id = work.order_lines.order_of(command.line_id)
    known, recorded = work.order_lines.lock(source=source, order_id=order_id)
    found = next(line for line in recorded.values() if line.id == command.line_id)
    if found.outcome is Outcome.UNMAPPED and found.is_open:
        line = msgspec.convert(found.body, Line, strict=False)
        order = Order(id=order_id, display_id=known.display_id, items=[line])
        _judge_lines(order, [line], known, recorded, work, off=known.off_reason)
    work.answer(line_id=found.id)


def retry_lines(command: commands.RetryProduct, work: Work) -> None:
    """Every line that waited for this product is judged anew, each by itself."""
    line_ids = work.order_lines.unmapped_of(command.product_id)
    for line_id in line_ids:
        work.ask(commands.RetryLine(line_id=line_id), run_id=None)
    work.answer(line_ids=line_ids)


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


def _take_lines(
    order: Order, known: ShopOrder, recorded: Lines, work: Work, *, off: str | None
) -> list[dict[str, Any]]:
    """Every line that is new, or was left alone only because its order was off."""
    lines = [line for line in order.items or [] if orders.is_wanted(recorded.get(line.id), off=off)]
    if not order.items and not recorded:
        return [_park(order, known.source, work, off=off)]
    thin = recorded.get(THIN)
    if lines and thin and thin.outcome is not Outcome.IGNORED:
        work.order_lines.change(thin, outcome=Outcome.IGNORED.value, reason="its lines came later")
    return _judge_lines(order, lines, known, recorded, work, off=off)


def _judge_lines(
    order: Order, lines: list[Line], known: ShopOrder, recorded: Lines, work: Work, *, off: str | None
) -> list[dict[str, Any]]:
    links = work.directory.product_links({line.product_id for line in lines if line.product_id})
    designs = work.directory.designs({link.design_id for link in links})
    outcomes = []
    for line in lines:
        outcome, reason = orders.judge(line, links, off=off)
        run_id = None
        if outcome is Outcome.RUN:
            run_id = _run_for(order, line, known.source, designs[orders.design_for(line, links) or ""], work)
        outcomes.append(_record(order, line, known.source, recorded.get(line.id), (outcome, reason, run_id), work))
    return outcomes


def _record(
    order: Order,
    line: Line,
    source: str,
    recorded: Recorded | None,
    became: tuple[Outcome, str, str | None],
    work: Work,
) -> dict[str, Any]:
    outcome, reason, run_id = became
    body = msgspec.to_builtins(line)
    if recorded:
        ids = {"product_id": line.product_id, "variant_id": line.variant_id}
        work.order_lines.change(
            recorded, outcome=outcome.value, reason=reason, production_run_id=run_id, body=body, left_at=None, **ids
        )
    else:
        work.order_lines.add(
            line_id=work.new_id("oline", line.id),
            source=source,
            order_id=order.id,
            order_line_item_id=line.id,
            line=line,
            outcome=outcome,
            reason=reason,
            run_id=run_id,
            body=body,
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
    if work.policy.auto_dispatch.enabled:
        work.ask(commands.RouteRun(), run_id=run.id, by=SYSTEM)
    return run.id


def _change_lines(order: Order, known: ShopOrder, recorded: Lines, work: Work) -> None:
    """Follow an edit: what happened to lines with a run is flagged on the run, once per change."""
    if order.items is not None:
        known.has_lines = True
        for change in orders.changes(list(recorded.values()), order.items):
            work.order_lines.change(change.recorded, **_columns_after(change, work))
            _flag(change.recorded, f"order {order.id}: {change.reason}", work)


def _turn(known: ShopOrder, recorded: Lines, work: Work, *, was_off: str | None) -> None:
    """The order is off now: its runs are withdrawn. It stands again: a person decides about them."""
    if known.off_reason and not was_off:
        _take_back(known.off_reason, recorded, work)
    if was_off and not known.off_reason:
        for line in recorded.values():
            _flag(line, f"order {known.order_id} stands again after it was off", work)


def _columns_after(change: orders.LineChange, work: Work) -> dict[str, Any]:
    if change.line:
        ids = {"product_id": change.line.product_id, "variant_id": change.line.variant_id}
        return {"left_at": None, "body": msgspec.to_builtins(change.line), **ids}
    left = {"left_at": work.now}
    return {**left, "outcome": Outcome.IGNORED.value, "reason": change.reason} if change.recorded.is_open else left


def _flag(recorded: Recorded, reason: str, work: Work) -> None:
    if recorded.production_run_id:
        work.ask(commands.FlagRun(reason=reason), run_id=recorded.production_run_id)


def _take_back(reason: str, recorded: Lines, work: Work) -> None:
    """The order is off: its runs are withdrawn, its lines without a run wait for nothing any more."""
    for line in recorded.values():
        if line.production_run_id:
            work.ask(commands.WithdrawRun(reason=reason), run_id=line.production_run_id)
        elif line.outcome is not Outcome.IGNORED:
            work.order_lines.change(line, outcome=Outcome.IGNORED.value, reason=reason)


def _answer_lines(order: Order, source: str, outcomes: list[dict[str, Any]], work: Work) -> None:
    if outcomes:
        work.tell(events.OrderReceived(after={"source": source, "order_id": order.id, "lines": outcomes}))
    work.answer(lines=outcomes)


def _park(order: Order, source: str, work: Work, *, off: str | None) -> dict[str, Any]:
    outcome, reason = orders.judge_thin(order, off=off)
    work.order_lines.add(
        line_id=work.new_id("oline", THIN),
        source=source,
        order_id=order.id,
        order_line_item_id=THIN,
        line=None,
        outcome=outcome,
        reason=reason,
        run_id=None,
        body=msgspec.to_builtins(order),
        at=work.now,
    )
    return {"order_line_item_id": THIN, "outcome": outcome.value, "reason": reason, "production_run_id": None}


def _expect(change: orders.Delta, known: ShopOrder, work: Work) -> None:
    outcome, reason = orders.judge_added(off=known.off_reason)
    work.order_lines.add(
        line_id=work.new_id("oline", change.line_id),
        source=known.source,
        order_id=known.order_id,
        order_line_item_id=change.line_id,
        line=None,
        outcome=outcome,
        reason=reason,
        run_id=None,
        body={"id": change.line_id, "quantity": amounts.plain(change.quantity)},
        at=work.now,
    )


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


ACTORS: tuple[Any, ...] = (
    place_order,
    update_order,
    cancel_order,
    change_lines,
    retry_line,
    retry_lines,
    create_run,
    create_design_run,
)
