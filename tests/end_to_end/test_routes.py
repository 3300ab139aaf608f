# SPDX-License-Identifier: Apache-2.0
"""Routes as an operator meets them: a spool that gets notifications, a reload, a wrong file that changes
nothing, a kill between applying and delivering."""
import json
import os
import shutil
import signal
import tempfile
import time
import unittest

from gateway import Gateway, command, patient

DESTINATION = "destinations:\n  - {id: feed, kind: spool, settings: {folder: spool/feed, files_max: %d}}\n"
ROUTE = ("routes:\n  - id: patients\n    owner: national-architecture\n"
         "    when: {types: [Patient], partners: [aa-development]}\n    to: [record, feed]\n")


class Routes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="gatehouse-routes-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, text):
        with open(os.path.join(self.folder, "routes.yaml"), "w", encoding="utf-8") as file:
            file.write(text)

    def gateway(self):
        gateway = Gateway(settings={"routes.folder": self.folder, "notify.pause_first_ms": 50,
                                    "notify.pause_max_ms": 200})
        self.addCleanup(gateway.close)
        return gateway.start()

    def files(self, gateway):
        spool = os.path.join(gateway.data, "spool", "feed")
        return sorted(name for name in os.listdir(spool) if name.endswith(".json")) if os.path.isdir(spool) else []

    def until(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        self.fail(what)

    def test_a_spool_gets_what_its_route_says(self):
        self.write(DESTINATION % 100 + ROUTE)
        gateway = self.gateway()
        created = gateway.request("POST", "Patient", patient())
        self.assertEqual(created.status, 201, created.text)
        name = created.headers["X-Message-ID"] + ".json"
        self.until(lambda: name in self.files(gateway), "no notification")
        with open(os.path.join(gateway.data, "spool", "feed", name), encoding="utf-8") as file:
            told = json.load(file)
        self.assertEqual(told["resources"], [f"Patient/{created.json()['id']}/_history/1"])
        self.assertEqual(told["partner"], "aa-development")
        self.assertNotIn("name", told)
        self.until(lambda: gateway.metric("gatehouse_peer_deliveries_total", destination="feed",
                                          outcome="delivered") == 1, "not counted")
        self.until(lambda: gateway.metric("gatehouse_outbox_backlog", destination="feed") == 0, "backlog")

    def test_a_full_spool_waits_and_a_kill_loses_nothing(self):
        self.write(DESTINATION % 1 + ROUTE)
        gateway = self.gateway()
        ids = [gateway.request("POST", "Patient", patient()).headers["X-Message-ID"] for _ in range(3)]
        self.until(lambda: len(self.files(gateway)) == 1, "the first")
        self.assertEqual(self.files(gateway), [ids[0] + ".json"])
        gateway.kill()
        os.unlink(os.path.join(gateway.data, "spool", "feed", ids[0] + ".json"))
        self.write(DESTINATION % 100 + ROUTE)
        gateway.start()
        self.until(lambda: set(self.files(gateway)) >= {ids[1] + ".json", ids[2] + ".json"}, "the others")

    def test_reload_is_all_or_nothing(self):
        self.write("routes: []\n")
        gateway = self.gateway()
        gateway.request("POST", "Patient", patient())
        self.write(DESTINATION % 100 + ROUTE.replace("feed]", "nowhere]"))
        gateway.process.send_signal(signal.SIGHUP)
        self.until(lambda: "no destination 'nowhere'" in gateway.log(), "the reload was not refused")
        gateway.request("POST", "Patient", patient())
        self.assertEqual(self.files(gateway), [])
        status, out, err = command("check", "--set", "routes.folder=" + self.folder)
        self.assertEqual(status, 1)
        self.assertIn("routes.yaml:7:18: no destination 'nowhere' is declared", out + err)
        self.write(DESTINATION % 100 + ROUTE)
        gateway.process.send_signal(signal.SIGHUP)

        def told():
            gateway.request("POST", "Patient", patient())
            return self.files(gateway)

        self.until(told, "the new route is not in force")


if __name__ == "__main__":
    unittest.main()
