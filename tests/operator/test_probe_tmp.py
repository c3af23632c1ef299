from tests import places
def test_it(system: places.System) -> None:
    assert system.admin.get("/admin/production-runs").status_code == 200
    system.kill("worker"); system.restart("worker"); system.restart("gateway")
    assert system.client.get("/readyz").status_code == 200
