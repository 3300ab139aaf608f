# SPDX-License-Identifier: Apache-2.0
"""A package with a SearchParameter comes to a gateway that holds records: they are indexed anew beside the service,
a search that needs it is refused until then, a kill loses nothing."""
import json
import os
import tempfile
import time
import unittest

from gateway import Gateway, patient

COUNT = 150
PARAMETER = {
    "resourceType": "SearchParameter", "id": "patient-town", "url": "https://example.org/SearchParameter/patient-town",
    "name": "town", "status": "active", "description": "Where somebody lives", "code": "town", "base": ["Patient"],
    "type": "string", "expression": "Patient.address.city",
}


class SearchReindex(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.package = os.path.join(folder.name, "town.json")
        with open(cls.package, "w", encoding="utf-8") as file:
            json.dump(PARAMETER, file)

    def state(self, gateway):
        return json.loads(gateway.admin("/_status").text)["searchIndex"]

    def town(self, gateway, name):
        return gateway.get(f"/Patient?town={name}&_summary=count")

    def when_complete(self, gateway, seconds=60):
        end = time.monotonic() + seconds
        while not self.state(gateway)["complete"]:
            self.assertLess(time.monotonic(), end, self.state(gateway))
            time.sleep(0.02)

    def test_records_are_found_by_a_parameter_that_came_later(self):
        data = tempfile.TemporaryDirectory()
        self.addCleanup(data.cleanup)
        with Gateway(data=data.name) as gateway:
            self.assertTrue(self.state(gateway)["complete"])
            for i in range(COUNT):
                record = patient(address=[{"city": f"Testford{i % 3}"}])
                self.assertEqual(gateway.post("/Patient", record).status, 201)
            self.assertEqual(self.town(gateway, "testford").status, 400)
        settings = {"packages.load": self.package}
        gateway = Gateway(data=data.name, settings=settings).start()
        try:
            seen = set()
            for _ in range(1000):
                answer = self.town(gateway, "testford1")
                seen.add(answer.status)
                if answer.status == 200:
                    break
                self.assertEqual(answer.status, 503, answer)
                self.assertIn("Patient.town", answer.text)
                self.assertIsNotNone(answer.headers["Retry-After"])
                # Other searches and writes go on.
                self.assertEqual(gateway.get("/Patient?family=XXTEST&_summary=count").json()["total"], COUNT)
                if 503 in seen and gateway.process.poll() is None and len(seen) == 1:
                    gateway.kill()
                    gateway = Gateway(data=data.name, settings=settings).start()
                    seen.add("killed")
            self.assertEqual(self.town(gateway, "testford1").json()["total"], COUNT // 3)
            self.when_complete(gateway)
            self.assertEqual(self.state(gateway)["pending"], 0)
            self.assertEqual(gateway.metric("gatehouse_search_index_pending_parts"), 0)
            self.assertEqual(gateway.post("/Patient", patient(address=[{"city": "Testford1"}])).status, 201)
            self.assertEqual(self.town(gateway, "testford1").json()["total"], COUNT // 3 + 1)
            stated = gateway.get("/metadata").json()["rest"][0]["resource"]
            parameters = [p["name"] for r in stated if r["type"] == "Patient" for p in r["searchParam"]]
            self.assertIn("town", parameters)
        finally:
            gateway.close()


if __name__ == "__main__":
    unittest.main()
