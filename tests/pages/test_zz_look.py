import os, sys
sys.path.insert(0, "/tmp/runlook")
import scene
from tests.gateway.house import House, PASSWORD
from tests.pages.conftest import house
from tests.conftest import *

def test_look(house):
    from playwright.sync_api import sync_playwright
    R = scene.scene(house)
    srv, url = scene.serve(house)
    from tests.pages.browser import Browser
    B = Browser(house); B.sign_in(house.an_account("asha")); print(B.cookies.keys())
    only = os.environ.get("ONLY","").split(",") if os.environ.get("ONLY") else list(R)
    modes = os.environ.get("MODES","wide-light").split(",")
    with house.open_workshop(), sync_playwright() as p:
        br = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox","--disable-gpu","--disable-background-networking","--disable-component-update","--disable-sync","--no-first-run"])
        for mode in modes:
            size, colour = mode.split("-")
            w,h = {"wide":(1280,800),"phone":(360,740)}[size]
            ctx = br.new_context(viewport={"width":w,"height":h}, color_scheme=colour)
            pg = ctx.new_page()
            pg.on("console", lambda m: print("CONSOLE", m.type, m.text) if m.type in ("error","warning") else None)
            pg.on("pageerror", lambda e: print("ERR", e))
            ctx.add_cookies([{"name":k,"value":v,"url":url} for k,v in B.cookies.items()])
            for name in only:
                pg.goto(f"{url}/console/runs/{R[name]}")
                pg.evaluate("document.querySelectorAll(\"details\").forEach(d => d.open = true)")
                over = pg.evaluate("document.documentElement.scrollWidth - innerWidth")
                print(mode, name, "bytes", len(pg.content().encode()), "overflow", over)
                pg.screenshot(path=f"/tmp/runlook/{name}-{mode}.png", full_page=True)
            ctx.close()
        br.close()
    srv.shutdown(); srv.server_close()
