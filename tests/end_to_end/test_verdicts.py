# SPDX-License-Identifier: Apache-2.0
"""The same records judged by different statements of the same definitions get the same verdict."""
import json
import os
import tarfile
import tempfile
import unittest

from gateway import command, shared


class SameVerdicts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = shared()
        cls.uk_core = folder and os.path.join(folder, "packages/fhir.r4.ukcore-2.0.0.tgz")
        cls.r4_core = folder and os.path.join(folder, "packages/hl7.fhir.r4.core-4.0.1.tgz")
        if not folder or not os.path.exists(cls.uk_core) or not os.path.exists(cls.r4_core):
            raise unittest.SkipTest("the published packages are not here (GATEHOUSE_SHARED)")
        cls.folder = tempfile.TemporaryDirectory()
        with tarfile.open(cls.uk_core) as archive:
            for member in archive:
                if member.name.startswith("package/examples/") and member.name.endswith(".json") \
                        and "/." not in member.name:
                    with open(os.path.join(cls.folder.name, os.path.basename(member.name)), "wb") as file:
                        file.write(archive.extractfile(member).read())
        cls.by_pack = cls.judge()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def judge(cls, *options):
        status, out, err = command("validate", "--output", "ndjson", *options, cls.folder.name, timeout=600)
        if status not in (0, 1):
            raise AssertionError(err)
        return {os.path.basename(row["file"]): row for row in map(json.loads, out.splitlines())}

    def same(self, other):
        self.assertEqual(len(self.by_pack), 215)
        different = [f"{name}: {row['valid']} and {other[name]['valid']}"
                     for name, row in self.by_pack.items() if row["valid"] != other[name]["valid"]]
        self.assertEqual(different, [])

    def errors(self, row):
        return sorted((i["severity"], str(i.get("expression"))) for i in row["outcome"]["issue"]
                      if i["severity"] in ("error", "fatal"))

    def test_national_pack_and_uk_cores_own_package(self):
        other = self.judge("--package", self.uk_core)
        self.same(other)
        for name, row in self.by_pack.items():
            self.assertEqual(self.errors(row), self.errors(other[name]), name)

    def test_r4_core_from_maven_and_as_a_package(self):
        self.same(self.judge("--package", self.r4_core))

    def test_reference_verdict_on_at_least_210(self):
        refused = {name for name, row in self.by_pack.items() if not row["valid"]}
        reference = {
            "Appointment-Extension-UKCore-DeliveryChannel-Example.json",
            "Appointment-UKCore-Appointment-OrthopaedicSurgery-Example.json",
            "Bundle-UKCore-Bundle-NEWS2Observations-Example.json",
            "Condition-Extension-UKCore-ConditionEpisode-Example.json",
            "DiagnosticReport-UKCore-DiagnosticReport-ECG-Example.json",
            "HealthcareService-UKCore-HealthcareService-OrthopaedicService-Example.json",
            "Observation-Extension-UKCore-RecordingSetting-Example.json",
            "Observation-UKCore-Observation-VitalSigns-BodyHeight-Example.json",
            "Practitioner-UKCore-Practitioner-Sn-Qualification-Example.json",
            "Provenance-UKCore-Provenance-RARecordConsent-Example.json",
        }
        different = refused ^ reference
        for name in sorted(different):
            print(f"  not the reference's verdict: {name}: {self.errors(self.by_pack[name])[:3]}")
        self.assertLessEqual(len(different), 5)


if __name__ == "__main__":
    unittest.main()
