"""`loomline demo` walks its order through a house that runs, and says so when none does."""

from services.operator import demo
from services.operator.children import free_port
from tests import places
from tests.operator.command import Commander
from tests.places import System


def test_the_demo_walks_through_a_running_house_and_again_without_a_password(shared_system: System) -> None:
    with places.a_directory() as home:
        loomline = Commander(
            home,
            ADMIN_EMAIL=places.ADMIN_EMAIL,
            ADMIN_PASSWORD=places.ADMIN_PASSWORD,
            EVENT_SECRET=shared_system.event_secret,
        )

        first = loomline.process("demo", "--url", shared_system.url, "--json")
        del loomline.environment["LOOMLINE_ADMIN_PASSWORD"]
        again = loomline.process("demo", "--url", shared_system.url, "--json")

    assert (first.code, again.code) == (0, 0), (first, again)
    assert first.json == again.json == {"walked": True, "url": shared_system.url}
    runs = shared_system.admin.get(
        "/admin/production-runs", params={"order_id": demo.ORDER["id"], "limit": "200"}
    ).json()
    walked = [run for run in runs["production_runs"] if run["order_line_item_id"] == demo.WALKED]
    assert walked
    assert {run["phase"] for run in walked} == {"completed"}


def test_without_a_gateway_the_demo_ends_with_3() -> None:
    with places.a_directory() as home:
        ended = Commander(home, PORT=str(free_port()), ADMIN_PASSWORD="any").process("demo", "--json")

    assert ended.code == 3
    assert "did not answer" in ended.json["problem"]["detail"]
