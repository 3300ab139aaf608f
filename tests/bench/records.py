# SPDX-License-Identifier: Apache-2.0
"""Synthetic records of tests/bench/run: people with one condition and 48 observations each, so that what a
query about one person finds has the same size however many people there are."""

OBSERVATIONS = 48  # a person; with the Patient and the Condition that makes 50
LOINC = ["15074-8", "718-7", "2160-0", "2823-3", "2951-2", "1742-6", "1975-2", "2885-2"]


def nhs_number(index):
    """A synthetic number in the 9xx range with its mod-11 check digit, or None where there is none."""
    digits = f"{900000000 + index:09d}"
    total = sum(int(d) * w for d, w in zip(digits, range(10, 1, -1)))
    check = 11 - total % 11
    return None if check == 10 else digits + str(check % 11)


def patient(index, number):
    return {
        "resourceType": "Patient", "id": f"bench-{index}",
        "identifier": [{
            "extension": [{
                "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
                "valueCodeableConcept": {"coding": [{
                    "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland",
                    "code": "01", "display": "Number present and verified"}]}}],
            "system": "https://fhir.nhs.uk/Id/nhs-number", "value": number}],
        "active": True, "gender": "female" if index % 2 else "male",
        "name": [{"use": "official", "family": f"Bench{index % 977}", "given": ["Test", f"Given{index % 101}"]}],
        "birthDate": f"{1930 + index % 80}-{1 + index % 12:02d}-{1 + index % 28:02d}",
        "address": [{"line": [f"{1 + index % 200} Test Street"], "city": "Testford", "postalCode": "ZZ99 3WZ"}],
    }


def observation(index, person, serial):
    return {
        "resourceType": "Observation", "id": f"bench-{person}-{serial}", "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                  "code": "laboratory", "display": "Laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": LOINC[index % len(LOINC)]}], "text": "Test result"},
        "subject": {"reference": f"Patient/bench-{person}"},
        "performer": [{"reference": "Organization/bench-laboratory", "display": "Testford Pathology"}],
        "effectiveDateTime": f"2025-{1 + serial % 12:02d}-{1 + index % 28:02d}T09:{index % 60:02d}:00+00:00",
        "valueQuantity": {"value": round(3 + index % 90 / 10, 1), "unit": "mmol/L",
                          "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    }


def condition(person, serial):
    return {
        "resourceType": "Condition", "id": f"bench-{person}-{serial}",
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                                       "code": "active", "display": "Active"}]},
        "code": {"text": "Synthetic condition"}, "subject": {"reference": f"Patient/bench-{person}"},
        "recordedDate": "2025-05-06",
    }


def transaction(resources):
    return {"resourceType": "Bundle", "type": "transaction", "entry": [{
        "fullUrl": f"https://bench.example/{r['resourceType']}/{r['id']}", "resource": r,
        "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in resources]}
