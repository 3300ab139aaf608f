# SPDX-License-Identifier: Apache-2.0
"""64 clients on the same 100 identities: guarded updates, deletions, returns, conditional creates and transactions that
take several of them in any order. Every acknowledged write says which version it made, so that afterwards each version
of each record must be known to exactly one writer, with what that writer sent, on top of the version that it saw."""
import random
import re
import threading
import time
import unittest

from gateway import Gateway

CLIENTS, RECORDS, TURNS, KEYS = 64, 100, 12, 24
SYSTEM = "https://example.org/many-clients"


def version_of(etag):
    return int(re.fullmatch(r'W/"(\d+)"', etag)[1])


def record(number, mark):
    return {"resourceType": "Basic", "id": f"r{number}", "code": {"text": "many clients"},
            "identifier": [{"system": SYSTEM, "value": mark}]}


class Ledger:
    """What was acknowledged: (number, version) -> (method, mark, version it was based on or None)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.writes, self.twice, self.refused, self.busy = {}, [], 0, 0
        self.keys = {}  # key -> ids that a conditional create named
        self.made = {}  # key -> ids that it said it made

    def note(self, number, version, method, mark, based_on):
        with self.lock:
            if (number, version) in self.writes:
                self.twice.append((number, version))
            self.writes[number, version] = (method, mark, based_on)

    def note_key(self, key, identity, made):
        with self.lock:
            self.keys.setdefault(key, set()).add(identity)
            if made:
                self.made.setdefault(key, []).append(identity)

    def count(self, name):
        with self.lock:
            setattr(self, name, getattr(self, name) + 1)


class Client:
    def __init__(self, gateway, number, ledger):
        self.gateway, self.ledger = gateway, ledger
        self.chance = random.Random(f"many clients {number}")
        self.name = f"c{number}"
        self.turn = 0

    def run(self):
        for self.turn in range(TURNS):
            self.chance.choice([self.change, self.change, self.remove, self.several, self.several, self.create])()

    def ask(self, method, path, body=None, headers=None):
        """An answer that is not 503; that one must say when to come again."""
        for _ in range(200):
            answer = self.gateway.kept(method, path, body, headers=headers)
            if answer.status != 503:
                assert answer.status < 500, answer
                return answer
            assert "Retry-After" in answer.headers, answer
            self.ledger.count("busy")
            time.sleep(0.02)
        raise AssertionError("busy without end")

    def seen(self, number):
        """(current version, whether it is there); no version of what is deleted."""
        answer = self.ask("GET", f"/Basic/r{number}")
        assert answer.status in (200, 410), answer
        return (version_of(answer.headers["ETag"]), True) if answer.status == 200 else (0, False)

    def mark(self, part=""):
        return f"{self.name}-{self.turn}{part}"

    def change(self):
        number = self.chance.randrange(RECORDS)
        for attempt in range(300):
            version, there = self.seen(number)
            mark = self.mark(f"-{attempt}")
            # What was deleted comes back without a guard: there is nothing that could be lost.
            headers = {"If-Match": f'W/"{version}"'} if there else {}
            answer = self.ask("PUT", f"/Basic/r{number}", record(number, mark), headers)
            if answer.status in (200, 201):
                self.ledger.note(number, version_of(answer.headers["ETag"]), "PUT", mark, version if there else None)
                return
            assert answer.status == 412, answer
            self.ledger.count("refused")
        raise AssertionError("never got its turn")

    def remove(self):
        number = self.chance.randrange(RECORDS)
        version, there = self.seen(number)
        if not there:
            return
        answer = self.ask("DELETE", f"/Basic/r{number}", headers={"If-Match": f'W/"{version}"'})
        if answer.status == 204:
            self.ledger.note(number, version + 1, "DELETE", None, version)
        else:
            assert answer.status == 412, answer
            self.ledger.count("refused")

    def create(self):
        key = self.chance.randrange(KEYS)
        body = {"resourceType": "Basic", "code": {"text": "made once"},
                "identifier": [{"system": SYSTEM, "value": f"key-{key}"}]}
        answer = self.ask("POST", "/Basic", body, {"If-None-Exist": f"identifier={SYSTEM}|key-{key}"})
        assert answer.status in (200, 201), answer
        identity = answer.headers["Location"].split("/Basic/")[1].split("/")[0]
        self.ledger.note_key(key, identity, answer.status == 201)

    def several(self):
        """Three identities in any order: two written, one removed if it is there; all or nothing."""
        for attempt in range(300):
            numbers = self.chance.sample(range(RECORDS), 3)
            key = self.chance.randrange(KEYS)
            entries, plans = [], []
            for place, number in enumerate(numbers):
                version, there = self.seen(number)
                mark = self.mark(f"-{attempt}-{place}")
                request = {"url": f"Basic/r{number}"}
                if there:
                    request["ifMatch"] = f'W/"{version}"'
                if place == 2 and there:
                    entries.append({"request": {**request, "method": "DELETE"}})
                    plans.append((number, "DELETE", None, version))
                else:
                    entries.append({"resource": record(number, mark), "request": {**request, "method": "PUT"}})
                    plans.append((number, "PUT", mark, version if there else None))
            entries.append({"resource": {"resourceType": "Basic", "code": {"text": "made once"},
                                         "identifier": [{"system": SYSTEM, "value": f"key-{key}"}]},
                            "request": {"method": "POST", "url": "Basic",
                                        "ifNoneExist": f"identifier={SYSTEM}|key-{key}"}})
            self.chance.shuffle(order := list(range(4)))
            plans.append(None)
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entries[i] for i in order]}
            answer = self.ask("POST", "", bundle)
            if answer.status == 200:
                self.settle(answer.json()["entry"], [plans[i] for i in order], key)
                return
            assert answer.status == 412, answer
            self.ledger.count("refused")
        raise AssertionError("never got its turn")

    def settle(self, entries, plans, key):
        for entry, plan in zip(entries, plans):
            said = entry["response"]
            if plan is None:
                identity = said["location"].split("Basic/")[1].split("/")[0]
                self.ledger.note_key(key, identity, said["status"].startswith("201"))
            elif plan[1] == "DELETE":
                number, method, mark, based_on = plan
                self.ledger.note(number, based_on + 1, method, mark, based_on)
            else:
                self.ledger.note(plan[0], version_of(said["etag"]), *plan[1:])


class ManyClients(unittest.TestCase):
    def test_each_version_is_known_to_one_writer_and_none_is_lost(self):
        with Gateway(settings={"http.connections_max": 512}) as gateway:
            ledger, problems = Ledger(), []
            for number in range(RECORDS):
                answer = gateway.put(f"/Basic/r{number}", record(number, f"first-{number}"))
                self.assertEqual(answer.status, 201, answer)
                ledger.note(number, 1, "PUT", f"first-{number}", None)

            def work(number):
                try:
                    Client(gateway, number, ledger).run()
                except Exception as problem:  # told by the test's own thread
                    problems.append(f"client {number}: {problem!r}"[:600])

            threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(CLIENTS)]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(max(0.0, 300 - (time.monotonic() - began)))
            self.assertFalse(any(thread.is_alive() for thread in threads), "some clients never end: a deadlock?")
            self.assertEqual(problems, [])
            self.assertEqual(ledger.twice, [], "two writers were told of the same version")
            self.assertGreater(ledger.refused, 0, "the clients never met: the test shows nothing")
            seen = self.check_histories(gateway, ledger)
            self.assertEqual(seen, len(ledger.writes), "writes were acknowledged that left no version")
            self.check_keys(gateway, ledger)
            print(f"{len(ledger.writes)} versions in {time.monotonic() - began:.1f} s, {ledger.refused} refused for a "
                  f"version, {ledger.busy} times busy, {len(ledger.keys)} conditional creates met", flush=True)

    def check_histories(self, gateway, ledger):
        seen = 0
        for number in range(RECORDS):
            entries = gateway.get(f"/Basic/r{number}/_history?_count=500").json()["entry"]
            versions = [version_of(entry["response"]["etag"]) for entry in entries]
            self.assertEqual(versions, list(range(len(versions), 0, -1)), f"r{number}: a gap, or a version twice")
            for version, entry in zip(versions, entries):
                self.assertIn((number, version), ledger.writes, f"r{number}: nobody was told of this version")
                method, mark, based_on = ledger.writes[number, version]
                # A first version may call itself a POST.
                self.assertEqual(entry["request"]["method"] == "DELETE", method == "DELETE", f"r{number} version {version}")
                kept = [item["value"] for item in entry.get("resource", {}).get("identifier", [])]
                self.assertEqual(kept, [mark] if mark else [], f"r{number} version {version}")
                if based_on is not None:
                    self.assertEqual(based_on, version - 1, f"r{number}: version {version - 1} was overwritten unseen")
            seen += len(versions)
        return seen

    def check_keys(self, gateway, ledger):
        for key, identities in ledger.keys.items():
            self.assertEqual(len(identities), 1, f"key {key} has more than one record")
            self.assertEqual(ledger.made.get(key), list(identities), f"key {key} was made by more or less than one")
            found = gateway.get(f"/Basic?identifier={SYSTEM}|key-{key}").json()
            self.assertEqual(found["total"], 1)


if __name__ == "__main__":
    unittest.main()
