#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a synthetic dm+d release (TRUD's XML files) of any size.

usage: make_dmd.py FOLDER [--products N]

Medicines are invented, with identifiers in namespace 9999999, which is not assigned, and right check
digits. FOLDER/names.tsv says which identifier each of the fixed part got. --products adds so many
virtual products, each with two actual ones, a pack and two actual packs.
"""
import argparse
import os
from xml.sax.saxutils import escape

from make_rf2 import sctid

DATE = "3311025"  # 31 October 2025, as the names of the files have it
LOOKUP = {
    "FORM": [("385055001", "Tablet")],
    "ROUTE": [("26643006", "Oral")],
    "UNIT_OF_MEASURE": [("258684004", "mg"), ("428673006", "tablet")],
    "BASIS_OF_NAME": [("1", "rINN - Recommended International Non-proprietary")],
    "VIRTUAL_PRODUCT_PRES_STATUS": [("1", "Valid as a prescribable product")],
    "SUPPLIER": [("2001", "Sample Pharma"), ("2002", "Example & Sons")],
    "LEGAL_CATEGORY": [("3", "POM")],
    "CONTROL_DRUG_CATEGORY": [("0", "No Controlled Drug Status")],
    "DISCONTINUED_IND": [("0", "Active"), ("1", "Discontinued - Flag Date")],
}


def record(name, **fields):
    inside = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in fields.items() if value is not None)
    return f"  <{name}>{inside}</{name}>\n"


class Release:
    def __init__(self, folder):
        self.folder = folder
        self.count = 100
        self.names = {}
        self.sections = {}
        os.makedirs(folder, exist_ok=True)

    def id(self, name=None):
        self.count += 1
        made = sctid(self.count, "10")
        if name:
            self.names[name] = made
        return made

    def add(self, file, section, name, **fields):
        self.sections.setdefault(file, {}).setdefault(section, []).append(record(name, **fields))

    def medicine(self, name, label, invalid=None, previous=None, withdrawn=None):
        """One VTM, VMP, VMPP, two AMPs and their AMPPs. A name in the release's table only where one is given."""
        def named(kind):
            return self.id(f"{name}_{kind}" if name else None)
        substance, vtm, vmp, vmpp = named("ing"), named("vtm"), named("vmp"), named("vmpp")
        self.add("f_ingredient2", "", "ING", ISID=substance, NM=label)
        self.add("f_vtm2", "", "VTM", VTMID=vtm, INVALID=invalid, NM=label, ABBREVNM=label[:6])
        self.add("f_vmp2", "VMPS", "VMP", VPID=vmp, VPIDDT="2020-01-01", VPIDPREV=previous, VTMID=vtm, INVALID=invalid,
                 NM=f"{label} 5mg tablets", BASISCD="1", NMPREV=f"{label} tablets 5mg", PRES_STATCD="1", SUG_F="0001",
                 UDFS="1.000", UDFS_UOMCD="428673006")
        self.add("f_vmp2", "VIRTUAL_PRODUCT_INGREDIENT", "VPI", VPID=vmp, ISID=substance, STRNT_NMRTR_VAL="5",
                 STRNT_NMRTR_UOMCD="258684004")
        self.add("f_vmp2", "DRUG_FORM", "DFORM", VPID=vmp, FORMCD="385055001")
        self.add("f_vmp2", "DRUG_ROUTE", "DROUTE", VPID=vmp, ROUTECD="26643006")
        self.add("f_vmp2", "CONTROL_DRUG_INFO", "CONTROL_INFO", VPID=vmp, CATCD="0")
        self.add("f_vmpp2", "VMPPS", "VMPP", VPPID=vmpp, INVALID=invalid, NM=f"{label} 5mg tablets 28 tablet", VPID=vmp,
                 QTYVAL="28", QTY_UOMCD="428673006")
        for number, supplier in (("2001", "Sample Pharma"), ("2002", "Example & Sons")):
            amp = named("amp" if number == "2001" else "amp2")
            ampp = named("ampp" if number == "2001" else "ampp2")
            gone = withdrawn if number == "2002" else invalid
            self.add("f_amp2", "AMPS", "AMP", APID=amp, INVALID=gone, VPID=vmp, NM=f"{label} 5mg tablets",
                     DESC=f"{label} 5mg tablets ({supplier})", SUPPCD=number)
            self.add("f_ampp2", "AMPPS", "AMPP", APPID=ampp, INVALID=gone,
                     NM=f"{label} 5mg tablets ({supplier}) 28 tablet", VPPID=vmpp, APID=amp, LEGAL_CATCD="3",
                     DISCCD="1" if gone else "0")

    def write(self):
        roots = {"f_vtm2": "VIRTUAL_THERAPEUTIC_MOIETIES", "f_vmp2": "VIRTUAL_MED_PRODUCTS",
                 "f_amp2": "ACTUAL_MEDICINAL_PRODUCTS", "f_vmpp2": "VIRTUAL_MED_PRODUCT_PACK",
                 "f_ampp2": "ACTUAL_MEDICINAL_PROD_PACKS", "f_ingredient2": "INGREDIENT_SUBSTANCES", "f_lookup2": "LOOKUP"}
        for file, root in roots.items():
            with open(os.path.join(self.folder, f"{file}_{DATE}.xml"), "w", encoding="utf-8") as out:
                out.write('<?xml version="1.0" encoding="utf-8"?>\n')
                out.write(f'<{root} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n<!-- synthetic -->\n')
                for section, records in self.sections[file].items():
                    out.write("".join(records) if not section else f" <{section}>\n{''.join(records)} </{section}>\n")
                if file == "f_ampp2":
                    out.write(" <COMB_CONTENT>\n </COMB_CONTENT>\n")
                out.write(f"</{root}>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--products", type=int, default=0)
    arguments = parser.parse_args()
    release = Release(arguments.folder)
    for section, words in LOOKUP.items():
        for code, description in words:
            release.add("f_lookup2", section, "INFO", CD=code, DESC=description)
    release.medicine("sampletril", "Sampletril", previous=release.id("old_vmp"))
    release.medicine("testazole", "Testazole", withdrawn="1")
    release.medicine("oldamine", "Oldamine", invalid="1", withdrawn="1")
    for item in range(arguments.products):
        release.medicine(None, f"Medicine {item}")
    release.write()
    with open(os.path.join(arguments.folder, "names.tsv"), "w", encoding="ascii") as out:
        for name, id in release.names.items():
            out.write(f"{name}\t{id}\n")


if __name__ == "__main__":
    main()
