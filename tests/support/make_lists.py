#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small synthetic releases of LOINC (CSV tables) and of ICD-10 (the UK's tab separated titles).

usage: make_lists.py FOLDER

FOLDER/loinc has Loinc.csv, ComponentHierarchyBySystem.csv and AnswerList.csv where the release has
them, FOLDER/icd10 the file of titles. Codes are of ranges that are not assigned, words are invented.
"""
import csv
import os
import sys

LOINC = ["LOINC_NUM", "COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP", "CLASS",
         "VersionLastChanged", "DefinitionDescription", "STATUS", "CONSUMER_NAME", "CLASSTYPE", "SHORTNAME",
         "ORDER_OBS", "LONG_COMMON_NAME", "EXTERNAL_COPYRIGHT_NOTICE"]
TESTS = [
    ("99901-1", "Sampline", "MCnc", "Pt", "Ser/Plas", "Qn", "", "CHEM", "2.78", "", "ACTIVE", "", "1", "Sampline SerPl-mCnc",
     "Both", "Sampline [Mass/volume] in Serum or Plasma", ""),
    ("99902-9", "Sampline", "MCnc", "24H", "Urine", "Qn", "", "CHEM", "2.9", "", "ACTIVE", "", "1", "Sampline 24h Ur-mCnc",
     "Both", "Sampline [Mass/volume] in 24 hour Urine", ""),
    ("99903-7", 'Test "quoted", word', "Find", "Pt", "^Patient", "Ord", "Observed", "SURVEY.TEST", "2.77",
     "A question\nof two lines, invented.", "ACTIVE", "", "4", "", "Both", "Test question", "Copyright of its author"),
    ("99904-5", "Oldine", "MCnc", "Pt", "Bld", "Qn", "", "CHEM", "2.40", "", "DEPRECATED", "", "1", "Oldine Bld-mCnc",
     "Both", "Oldine [Mass/volume] in Blood", ""),
]
HIERARCHY = [
    ("", 1, "", "LP999000-1", "Laboratory"),
    ("LP999000-1", 1, "LP999000-1", "LP999001-9", "Chemistry"),
    ("LP999000-1.LP999001-9", 1, "LP999001-9", "99901-1", "Sampline SerPl-mCnc"),
    ("LP999000-1.LP999001-9", 2, "LP999001-9", "99902-9", "Sampline 24h Ur-mCnc"),
]
ANSWERS = [("LL9990-1", "Test answers", "LA99901-1", 1, "Yes, surely"), ("LL9990-1", "Test answers", "LA99902-9", 2, "No")]
ICD10 = ["CODE", "ALT_CODE", "USAGE", "USAGE_UK", "DESCRIPTION", "MODIFIER_4", "MODIFIER_5", "QUALIFIERS", "GENDER_MASK",
         "MIN_AGE", "MAX_AGE", "TREE_DESCRIPTION"]
TITLES = [("Z99", "Z99"), ("Z99.8", "Z998"), ("Z99.81", "Z9981"), ("Y98", "Y98X")]


def write(path, heading, rows, dialect):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, **dialect)
        writer.writerow(heading)
        writer.writerows(rows)


def main():
    folder = sys.argv[1]
    quoted = {"quoting": csv.QUOTE_ALL, "lineterminator": "\r\n"}
    write(f"{folder}/loinc/LoincTable/Loinc.csv", LOINC, TESTS, quoted)
    accessory = f"{folder}/loinc/AccessoryFiles"
    write(f"{accessory}/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv",
          ["PATH_TO_ROOT", "SEQUENCE", "IMMEDIATE_PARENT", "CODE", "CODE_TEXT"], HIERARCHY, quoted)
    write(f"{accessory}/AnswerFile/AnswerList.csv",
          ["AnswerListId", "AnswerListName", "AnswerStringId", "SequenceNumber", "DisplayText"], ANSWERS, quoted)
    rows = [(code, other, "DEFAULT", "3", f'Invented "{code}" condition', "", "", "", "", "", "", "") for code, other in TITLES]
    write(f"{folder}/icd10/ICD10_Edition5_CodesAndTitlesAndMetadata_GB_20160401.txt", ICD10, rows,
          {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None, "lineterminator": "\r\n"})


if __name__ == "__main__":
    main()
