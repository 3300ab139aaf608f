# SPDX-License-Identifier: Apache-2.0
"""fhirpy against a running gateway over TLS: creates, conditions, transacts, searches, pages, patches.

The base URL, the token and the authority come from the environment; run.py starts the gateway and sets
them. The last line of output is the count for tests/run.
"""
import json
import os
import sys
import uuid

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, MultipleResourcesFound, OperationOutcome, ResourceNotFound

SYSTEM = "urn:test:client"


def connect(token, **options):
    return SyncFHIRClient(os.environ["GATEHOUSE_BASE"], authorization=f"Bearer {token}" if token else None,
                          requests_config={"verify": os.environ["GATEHOUSE_AUTHORITY"], "timeout": 30}, **options)


client = connect(os.environ["GATEHOUSE_TOKEN"])


def fresh():
    return str(uuid.uuid4())


def patient(value, **members):
    return client.resource("Patient", identifier=[{"system": SYSTEM, "value": value}],
                           name=[{"use": "official", "family": "XXTESTPATIENT", "given": ["Sample"]}],
                           gender="female", birthDate="1950-02-03", **members)


def observation(subject, **members):
    return client.resource("Observation", status="final", code={"text": "Sample observation"},
                           subject={"reference": subject}, effectiveDateTime="2025-01-08", **members)


def saved(value=None):
    one = patient(value or fresh())
    one.save()
    return one


def refused(call, kind):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def creates_reads_updates_deletes():
    one = saved()
    assert one["meta"]["versionId"] == "1"
    read = client.reference("Patient", one["id"]).to_resource()
    assert read.serialize() == one.serialize()
    read["active"] = True
    read.save()
    assert read["meta"]["versionId"] == "2" and client.get("Patient", one["id"])["active"] is True
    read.delete()
    refused(lambda: client.get("Patient", one["id"]), (ResourceNotFound, OperationOutcome))


def is_told_by_an_operation_outcome():
    wrong = client.resource("Observation", status="wrong")
    error = refused(wrong.save, OperationOutcome)
    issues = error.resource["issue"]
    assert any(issue["severity"] == "error" and issue["diagnostics"] and issue["expression"] for issue in issues), issues
    assert refused(lambda: client.get("Patient", fresh()), ResourceNotFound)
    refused(lambda: connect(None).get("Patient", "x"), AuthorizationError)


def creates_under_a_condition():
    value = fresh()
    held = saved(value)
    again = connect(os.environ["GATEHOUSE_TOKEN"], extra_headers={"If-None-Exist": f"identifier={SYSTEM}|{value}"})
    answer = again.execute("Patient", method="POST", data=patient(value).serialize())
    assert answer["id"] == held["id"] and answer["meta"]["versionId"] == "1"
    saved(value)
    refused(lambda: again.execute("Patient", method="POST", data=patient(value).serialize()), MultipleResourcesFound)


def updates_under_a_condition():
    value = fresh()
    found = client.resources("Patient").search(identifier=f"{SYSTEM}|{value}")
    first, created = found.update(patient(value))
    assert created
    second, created = found.update(patient(value, active=True))
    assert not created and second["id"] == first["id"] and second["meta"]["versionId"] == "2"
    saved(value)
    refused(lambda: found.update(patient(value)), (MultipleResourcesFound, OperationOutcome))


def patches():
    one = saved()
    operation = [{"name": "type", "valueCode": "add"}, {"name": "path", "valueString": "Patient"},
                 {"name": "name", "valueString": "active"}, {"name": "value", "valueBoolean": True}]
    patched = client.execute(f"Patient/{one['id']}", method="PATCH", data={
        "resourceType": "Parameters", "parameter": [{"name": "operation", "part": operation}]})
    assert patched["active"] is True and patched["meta"]["versionId"] == "2"
    # What fhirpy calls a patch is a merge of members, which FHIR has not: it is told so.
    error = refused(lambda: one.patch(active=False), OperationOutcome)
    assert error.resource["issue"][0]["diagnostics"]


def transacts():
    urn = f"urn:uuid:{fresh()}"
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": urn, "resource": patient(fresh()).serialize(), "request": {"method": "POST", "url": "Patient"}},
        {"fullUrl": f"urn:uuid:{fresh()}", "resource": observation(urn).serialize(),
         "request": {"method": "POST", "url": "Observation"}}]}
    answer = client.execute("", method="POST", data=bundle)
    assert answer["type"] == "transaction-response"
    place = [entry["response"]["location"].split("/") for entry in answer["entry"]]
    made = client.get("Observation", place[1][1])
    assert made["subject"]["reference"] == "/".join(place[0][:2])
    assert client.get(*place[0][:2])["name"][0]["family"] == "XXTESTPATIENT"


def searches_and_pages():
    one = saved()
    made = set()
    for _ in range(23):
        result = observation(one.to_reference().reference)
        result.save()
        made.add(result["id"])
    found = client.resources("Observation").search(subject=one.to_reference())
    assert found.search(_total="accurate", _count=0).fetch_raw().total == 23
    seen = [result["id"] for result in found.limit(10)]
    assert len(seen) == 23 and set(seen) == made
    assert len(found.limit(10).fetch()) == 10
    assert client.resources("Patient").search(identifier=f"{SYSTEM}|{fresh()}").first() is None


def includes_and_asks_for_everything():
    one = saved()
    result = observation(one.to_reference().reference)
    result.save()
    found = client.resources("Observation").search(subject=one.to_reference()).include("Observation", "subject").fetch_raw()
    modes = {(entry["resource"]["resourceType"], entry["search"]["mode"]) for entry in found["entry"]}
    assert modes == {("Observation", "match"), ("Patient", "include")}, modes
    back = client.resources("Patient").search(_id=one["id"]).revinclude("Observation", "subject").fetch_raw()
    assert {entry["resource"]["id"] for entry in back["entry"]} == {one["id"], result["id"]}
    everything = client.execute(f"Patient/{one['id']}/$everything", method="GET")
    assert {entry["resource"]["id"] for entry in everything["entry"]} >= {one["id"], result["id"]}


def asks_for_history_and_operations():
    one = saved()
    one["active"] = True
    one.save()
    history = client.execute(f"Patient/{one['id']}/_history", method="GET")
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]
    assert client.execute("Patient/_history", method="GET", params={"_count": 1})["entry"][0]["resource"]["id"] == one["id"]
    outcome = client.execute("Patient/$validate", method="POST", data=patient(fresh()).serialize())
    assert all(issue["severity"] not in ("error", "fatal") for issue in outcome["issue"])
    assert one.is_valid()


TESTS = [creates_reads_updates_deletes, is_told_by_an_operation_outcome, creates_under_a_condition,
         updates_under_a_condition, patches, transacts, searches_and_pages,
         includes_and_asks_for_everything, asks_for_history_and_operations]


def main():
    passed = failed = 0
    for test in TESTS:
        name = test.__name__.replace("_", " ")
        try:
            test()
            passed += 1
            print(f"ok    {name}", flush=True)
        except Exception as error:  # one test's failure is not the next one's
            failed += 1
            print(f"FAIL  {name}: {type(error).__name__}: {str(error)[:600]}", flush=True)
    print(json.dumps({"passed": passed, "failed": failed, "skipped": 0}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
