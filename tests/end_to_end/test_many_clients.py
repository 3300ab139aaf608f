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


class Paging(unittest.TestCase):
    """Pages while others write: what did not change is there once, on whatever page; what changes may come or go, not
    come twice on one walk by an order that its change does not touch."""

    STABLE, CHANGING, WALKS = 120, 60, 6
    SEARCHES = ("Observation?code=paged", "Observation?code=paged&_sort=_id", "Observation?code=paged&_sort=-date",
                "Observation?code=paged&_sort=date,-_id", "Observation?code=paged,other&status=final&_sort=-_lastUpdated",
                "Observation?patient=Patient/p1,Patient/p2&_sort=code", "Observation?patient.gender=female",
                "Observation?_include=Observation:subject&code=paged", "Patient?_has:Observation:patient:code=paged")

    @staticmethod
    def body(name, number, code="paged"):
        return {"resourceType": "Observation", "id": name, "status": "final", "code": {"coding": [{"system": SYSTEM, "code": code}]},
                "subject": {"reference": f"Patient/p{number % 2 + 1}"}, "effectiveDateTime": f"2024-0{number % 9 + 1}-1{number % 7}",
                "valueString": f"{number}"}

    def test_what_did_not_change_is_there_once(self):
        with Gateway(settings={"http.connections_max": 256}) as gateway:
            for number in range(1, 41):
                gateway.put(f"/Patient/p{number}", {"resourceType": "Patient", "id": f"p{number}", "gender": "female"})
            for number in range(self.STABLE):
                self.assertEqual(gateway.put(f"/Observation/s{number}", self.body(f"s{number}", number)).status, 201)
            done, problems, writes, walks = threading.Event(), [], [0], [0]
            threads = [threading.Thread(target=self.write, args=(gateway, seed, done, problems, writes), daemon=True)
                       for seed in range(4)]
            threads += [threading.Thread(target=self.walk_all, args=(gateway, seed, problems, walks), daemon=True)
                        for seed in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads[4:]:
                thread.join(240)
            done.set()
            for thread in threads:
                thread.join(30)
                self.assertFalse(thread.is_alive())
            self.assertEqual(problems, [])
            self.assertGreater(writes[0], 50, "hardly anything was written: the test shows nothing")
            print(f"{walks[0]} walks while {writes[0]} writes went on", flush=True)

    def write(self, gateway, seed, done, problems, writes):
        chance = random.Random(f"paging {seed}")
        try:
            while not done.is_set():
                name = f"c{seed}-{chance.randrange(self.CHANGING)}"
                if chance.random() < 0.3:
                    answer = gateway.kept("DELETE", f"/Observation/{name}")
                else:
                    body = self.body(name, chance.randrange(200), chance.choice(["paged", "paged", "other"]))
                    answer = gateway.put(f"/Observation/{name}", body)
                assert answer.status in (200, 201, 204), answer
                writes[0] += 1
        except Exception as problem:  # told by the test's own thread
            problems.append(f"writer: {problem!r}"[:600])

    def walk_all(self, gateway, seed, problems, walks):
        chance = random.Random(f"walks {seed}")
        try:
            for _ in range(self.WALKS):
                search = chance.choice(self.SEARCHES)
                self.walk(gateway, search, chance.choice([3, 7, 20]))
                walks[0] += 1
        except Exception as problem:  # told by the test's own thread
            problems.append(f"reader: {problem!r}"[:900])

    def walk(self, gateway, search, count):
        seen, url = {}, f"{gateway.base_path}/{search}&_count={count}"
        for page in range(400):
            answer = gateway.get(url)
            assert answer.status == 200, answer
            bundle = answer.json()
            for entry in bundle.get("entry", []):
                if entry["search"]["mode"] == "match":
                    seen.setdefault(entry["resource"]["id"], []).append(page)
            following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
            if not following:
                break
            url = following[0][len(f"http://127.0.0.1:{gateway.port}"):]
        else:
            raise AssertionError(f"{search}: pages without end")
        wanted = {"p1", "p2"} if search.startswith("Patient") else {f"s{number}" for number in range(self.STABLE)}
        for name in wanted:
            assert len(seen.get(name, [])) == 1, f"{search} by {count}: {name}, which did not change, is on pages {seen.get(name)}"
        # By an order that no change touches, nothing comes twice at all.
        if "_sort" not in search or search.endswith("_sort=_id"):
            twice = {name: pages for name, pages in seen.items() if len(pages) > 1}
            assert not twice, f"{search} by {count}: {twice}"


if __name__ == "__main__":
    unittest.main()
