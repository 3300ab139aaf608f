#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a synthetic SNOMED CT release (RF2 snapshot files) of any size.

usage: make_rf2.py FOLDER [--concepts N] [--seed N]

Concepts are invented, with identifiers in namespace 9999999, which is not assigned, and right check
digits. Only the concepts that the format itself is made of (root, is-a, description types, ...) have
their published identifiers. A fixed part has names that tests use: FOLDER/names.tsv says which
identifier each got. The rest is a random hierarchy of --concepts, about 6 relationships a concept.
"""
import argparse
import os
import random

D = [[(a + b) % 5 if a < 5 and b < 5 else 5 + (a + b) % 5 if a < 5 else 5 + (a - b) % 5 if b < 5 else (a - b) % 5
      for b in range(10)] for a in range(10)]
STEP = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
P = [list(range(10))]
for _ in range(7):
    P.append([STEP[d] for d in P[-1]])
INVERSE = [next(b for b in range(10) if D[a][b] == 0) for a in range(10)]


def with_check_digit(digits):
    check = 0
    for place, digit in enumerate(reversed(digits), start=1):
        check = D[check][P[place % 8][int(digit)]]
    return digits + str(INVERSE[check])


def sctid(item, partition):
    return with_check_digit(f"{item}9999999{partition}")


ROOT, IS_A = "138875005", "116680003"
FSN, SYN, DEF = "900000000000003001", "900000000000013009", "900000000000550004"
GB, US = "900000000000508004", "900000000000509007"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
INFERRED, SOME = "900000000000011006", "900000000000451002"
PRIMITIVE, DEFINED = "900000000000074008", "900000000000073002"
CORE, SAME_AS, REPLACED_BY = "900000000000207008", "900000000000527005", "900000000000526001"
CASELESS = "900000000000448009"

# name: (term, parents)
FIXED = {
    "module": ("Test module", ["root"]),
    "attribute": ("Attribute", ["root"]),
    "site": ("Site", ["attribute"]),
    "agent": ("Agent", ["attribute"]),
    "strength": ("Strength", ["attribute"]),
    "label": ("Label", ["attribute"]),
    "refset": ("Test reference set", ["root"]),
    "finding": ("Finding", ["root"]),
    "infection": ("Infection", ["finding"]),
    "bacterial": ("Bacterial infection", ["infection"]),
    "tumour": ("Tumour", ["finding"]),
    "fracture": ("Fracture", ["finding"]),
    "arm_disorder": ("Arm disorder", ["finding"]),
    "arm_fracture": ("Fracture of arm", ["fracture", "arm_disorder"]),
    "infected_fracture": ("Infected fracture of arm", ["arm_fracture", "bacterial"]),
    "body": ("Body structure", ["root"]),
    "arm": ("Arm", ["body"]),
    "forearm": ("Forearm", ["arm"]),
    "leg": ("Leg", ["body"]),
    "organism": ("Organism", ["root"]),
    "bacterium": ("Bacterium", ["organism"]),
    "virus": ("Virus", ["organism"]),
    "product": ("Product", ["root"]),
    "tablet_5": ("Tablet 5 mg", ["product"]),
    "tablet_half": ("Tablet 0.5 mg", ["product"]),
}
# source, attribute, value, group
ATTRIBUTES = [
    ("arm_fracture", "site", "arm", 1),
    ("infected_fracture", "site", "forearm", 1),
    ("infected_fracture", "agent", "bacterium", 1),
    ("infected_fracture", "site", "leg", 2),
    ("infected_fracture", "agent", "virus", 2),
    ("bacterial", "agent", "bacterium", 0),
    ("tablet_5", "strength", "#5", 1),
    ("tablet_half", "strength", "#0.50", 1),
    ("tablet_half", "label", '"Brand X"', 1),
]


class Release:
    def __init__(self, folder, date="20260101"):
        self.date = date
        self.counts = {}
        terminology = os.path.join(folder, "Snapshot", "Terminology")
        refset = os.path.join(folder, "Snapshot", "Refset")
        os.makedirs(terminology, exist_ok=True)
        os.makedirs(refset, exist_ok=True)
        head = "id\teffectiveTime\tactive\tmoduleId\t"
        member = head + "refsetId\treferencedComponentId"
        end = f"_XX9999999_{date}.txt"

        def new(path, columns):
            out = open(path, "w", encoding="utf-8", newline="")
            out.write(columns + "\r\n")
            return out
        self.concepts = new(f"{terminology}/sct2_Concept_Snapshot{end}", head + "definitionStatusId")
        self.descriptions = new(f"{terminology}/sct2_Description_Snapshot-en{end}",
                                head + "conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId")
        tail = "relationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId"
        self.relationships = new(f"{terminology}/sct2_Relationship_Snapshot{end}", head + "sourceId\tdestinationId\t" + tail)
        self.values = new(f"{terminology}/sct2_RelationshipConcreteValues_Snapshot{end}", head + "sourceId\tvalue\t" + tail)
        self.language = new(f"{refset}/der2_cRefset_LanguageSnapshot-en{end}", member + "\tacceptabilityId")
        self.simple = new(f"{refset}/der2_Refset_SimpleSnapshot{end}", member)
        self.association = new(f"{refset}/der2_cRefset_AssociationSnapshot{end}", member + "\ttargetComponentId")
        self.files = [self.concepts, self.descriptions, self.relationships, self.values, self.language, self.simple, self.association]
        self.module = CORE

    def next(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return self.counts[kind]

    def uuid(self):
        n = self.next("uuid")
        return f"{n:08x}-0000-4000-8000-{n:012x}"

    def line(self, out, *fields):
        out.write("\t".join(fields) + "\r\n")

    def concept(self, id, active="1", defined=False):
        self.line(self.concepts, id, self.date, active, self.module, DEFINED if defined else PRIMITIVE)

    def term(self, concept, kind, text, acceptability):
        id = sctid(self.next("term"), "11")
        self.line(self.descriptions, id, self.date, "1", self.module, concept, "en", kind, text, CASELESS)
        for refset, value in acceptability:
            self.line(self.language, self.uuid(), self.date, "1", self.module, refset, id, value)

    def named(self, id, text, tag="finding"):
        self.concept(id)
        self.term(id, FSN, f"{text} ({tag})", [(GB, PREFERRED), (US, PREFERRED)])
        self.term(id, SYN, text, [(GB, PREFERRED), (US, PREFERRED)])

    def relation(self, source, kind, destination, group=0, active="1"):
        out = self.values if destination[0] in '#"' else self.relationships
        self.line(out, sctid(self.next("relation"), "12"), self.date, active, self.module, source, destination,
                  str(group), kind, INFERRED, SOME)

    def close(self):
        for out in self.files:
            out.close()


def fixed_part(release):
    names = {"root": ROOT, "is_a": IS_A}
    for item, name in enumerate(FIXED, start=101):
        names[name] = sctid(item, "10")
    release.named(ROOT, "SNOMED CT Concept", "SNOMED RT+CTV3")
    release.module = names["module"]
    for id, text in [(IS_A, "Is a"), (CORE, "Core module"), (SAME_AS, "Same as"), (REPLACED_BY, "Replaced by"),
                     (GB, "GB English"), (US, "US English")]:
        release.named(id, text, "metadata")
        release.relation(id, IS_A, ROOT)
    for name, (text, parents) in FIXED.items():
        release.named(names[name], text)
        for parent in parents:
            release.relation(names[name], IS_A, names[parent])
    for source, kind, value, group in ATTRIBUTES:
        release.relation(names[source], names[kind], names.get(value, value), group)
    release.relation(names["leg"], IS_A, names["arm"], active="0")
    release.term(names["arm_fracture"], SYN, "Broken arm", [(GB, ACCEPTABLE), (US, ACCEPTABLE)])
    release.term(names["arm_fracture"], DEF, "A break of a bone of the arm.", [(GB, PREFERRED)])
    release.term(names["tumour"], SYN, "Tumor", [(US, PREFERRED)])
    names["old_fracture"] = sctid(201, "10")
    names["older_fracture"] = sctid(202, "10")
    for name, refset in (("old_fracture", SAME_AS), ("older_fracture", REPLACED_BY)):
        release.concept(names[name], active="0")
        release.term(names[name], SYN, name.replace("_", " "), [(GB, PREFERRED)])
        release.line(release.association, release.uuid(), release.date, "1", release.module, refset, names[name], names["arm_fracture"])
    for name in ("arm_fracture", "bacterial", "old_fracture"):
        release.line(release.simple, release.uuid(), release.date, "1", release.module, names["refset"], names[name])
    release.line(release.simple, release.uuid(), release.date, "0", release.module, names["refset"], names["tumour"])
    return names


def random_part(release, names, count, seed):
    chance = random.Random(seed)
    ids = []
    for i in range(count):
        id = sctid(1000 + i, "10")
        release.named(id, f"Concept {i} of kind {chance.randrange(1000)}")
        # Wide near the top, about 12 levels deep for half a million.
        parents = {ids[chance.randrange(max(1, i // 4), i) if chance.random() < 0.3 and i > 8 else chance.randrange(0, max(1, i // 6))]
                   for _ in range(1 if chance.random() < 0.6 else 2)} if ids else set()
        for parent in parents or {names["finding"]}:
            release.relation(id, IS_A, parent)
        for group in range(1, chance.randrange(1, 4)):
            release.relation(id, names["site"], names[chance.choice(["arm", "forearm", "leg"])], group)
            release.relation(id, names["agent"], names[chance.choice(["virus", "bacterium"])], group)
        if ids and chance.random() < 0.5:
            for _ in range(3):
                release.relation(id, names["agent"], chance.choice(ids), 0)
        if chance.random() < 0.05:
            release.line(release.simple, release.uuid(), release.date, "1", release.module, names["refset"], id)
        ids.append(id)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--concepts", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    release = Release(arguments.folder)
    names = fixed_part(release)
    random_part(release, names, arguments.concepts, arguments.seed)
    release.close()
    with open(os.path.join(arguments.folder, "names.tsv"), "w", encoding="ascii") as out:
        for name, id in names.items():
            out.write(f"{name}\t{id}\n")


if __name__ == "__main__":
    main()
