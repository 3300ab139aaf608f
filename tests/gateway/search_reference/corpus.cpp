// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/search_reference/corpus.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "fhir/json/value.hpp"

namespace gatehouse::search_reference {
namespace {

using fhir::ChildInfo;
using fhir::TypeId;
using fhir::TypeInfo;
using fhir::TypeKind;

constexpr std::array<std::string_view, 14> frequent{
    "AllergyIntolerance",
    "Appointment",
    "CarePlan",
    "Condition",
    "DocumentReference",
    "Encounter",
    "Immunization",
    "List",
    "Location",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner"};

struct UnitForm {
    std::string_view unit;
    std::string_view system;
    std::string_view code;
};
constexpr std::string_view ucum = "http://unitsofmeasure.org";
constexpr std::array unit_forms{
    UnitForm{"mg", ucum, "mg"},
    UnitForm{"g", ucum, "g"},
    UnitForm{"gram", ucum, "g"},
    UnitForm{"kg", ucum, "kg"},
    UnitForm{"", ucum, "ug"},
    UnitForm{"mmHg", ucum, "mm[Hg]"},
    UnitForm{"kPa", ucum, "kPa"},
    UnitForm{"cm", ucum, "cm"},
    UnitForm{"m", ucum, "m"},
    UnitForm{"inch", ucum, "[in_i]"},
    UnitForm{"mmol/l", ucum, "mmol/L"},
    UnitForm{"", ucum, "umol/L"},
    UnitForm{"degrees C", ucum, "Cel"},
    UnitForm{"per minute", ucum, "/min"},
    UnitForm{"tablet", "", ""},
    UnitForm{"mg", "", ""},
    UnitForm{"", "", ""},
    UnitForm{"tab", "http://local.example/units", "TAB"},
};

class Maker {
public:
    Maker(Records& records, Dice& dice, const CorpusSize& size)
        : types_(records.engine().types()), definitions_(records.definitions()), dice_(dice),
          size_(size) {}

    std::string resource(const TypeInfo& type, const std::string& id) {
        json_ = fhir::JsonWriter();
        contained_.clear();
        json_.begin_object();
        json_.key("resourceType").string(type.name);
        json_.key("id").string(id);
        if (dice_.percent(60)) {
            meta();
        }
        members(type, 0);
        if (!contained_.empty()) {
            json_.key("contained").begin_array();
            for (const auto& [contained_type, contained_id] : contained_) {
                contained(contained_type, contained_id);
            }
            json_.end_array();
        }
        json_.end_object();
        return json_.text();
    }

private:
    // An object is never empty.
    void close() {
        if (json_.text().back() == '{') {
            json_.key("id").string("e");
        }
        json_.end_object();
    }

    void meta() {
        json_.key("meta").begin_object();
        if (dice_.percent(60)) {
            json_.key("profile").begin_array().string(canonical()).end_array();
        }
        if (dice_.percent(40)) {
            json_.key("source").string(canonical());
        }
        for (const char* name : {"security", "tag"}) {
            if (dice_.percent(40)) {
                json_.key(name).begin_array();
                coding();
                json_.end_array();
            }
        }
        close();
    }

    // Something small, with what chains look for.
    void contained(const std::string& type, const std::string& id) {
        json_.begin_object();
        json_.key("resourceType").string(type);
        json_.key("id").string(id);
        const TypeInfo& info = types_.type(types_.find(type));
        for (const ChildInfo& child : info.children) {
            if (child.name == "identifier" && !child.choice) {
                several(child, [this] { identifier(); });
            } else if (child.name == "code" && types_.type(child.types.front()).name == "CodeableConcept") {
                several(child, [this] { concept_value(); });
            } else if ((child.name == "subject" || child.name == "patient" ||
                        child.name == "partOf" || child.name == "managingOrganization") &&
                       types_.type(child.types.front()).name == "Reference" && !child.choice) {
                several(child, [&] { contained_reference(type + "." + child.name); });
            }
        }
        close();
    }

    // To the record that holds it, to what it contains too, or elsewhere.
    void contained_reference(const std::string& path) {
        const std::vector<std::string>& targets = definitions_.reference_targets(path);
        const std::size_t form = dice_.below(10);
        json_.begin_object();
        if (form < 2) {
            json_.key("reference").string("#");
        } else if (form < 4) {
            json_.key("reference").string("#c" + std::to_string(dice_.below(contained_.size())));
        } else {
            json_.key("reference")
                .string(
                    (targets.empty() ? std::string("Patient") : dice_.pick(targets)) + "/r" +
                    std::to_string(dice_.below(5))
                );
        }
        close();
    }

    void several(const ChildInfo& child, const auto& write) {
        json_.key(child.name);
        if (child.repeats) {
            json_.begin_array();
        }
        write();
        if (child.repeats) {
            json_.end_array();
        }
    }

    void members(const TypeInfo& type, int depth) {
        static constexpr std::array<std::string_view, 9> left_out{
            "id",
            "extension",
            "modifierExtension",
            "contained",
            "text",
            "implicitRules",
            "meta",
            "language",
            "resource"};
        static constexpr std::array<unsigned, 5> shares{62, 50, 30, 12, 0};
        for (const ChildInfo& child : type.children) {
            const bool wanted = dice_.percent(shares[static_cast<std::size_t>(std::min(depth, 4))]);
            if (std::ranges::find(left_out, child.name) != left_out.end() ||
                (!wanted && !(child.required && depth < 3 && dice_.percent(90)))) {
                continue;
            }
            const std::size_t chosen = dice_.below(child.types.size());
            const TypeInfo& value_type = types_.type(child.types[chosen]);
            if (value_type.kind == TypeKind::resource || value_type.name == "Resource" ||
                value_type.abstract) {
                continue;
            }
            std::string name = child.name;
            if (child.choice) {
                std::string suffix = value_type.name;
                suffix[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(suffix[0])));
                name += suffix;
            }
            const std::string path = type.name + "." + child.name;
            json_.key(name);
            if (child.repeats) {
                json_.begin_array();
                const std::size_t count = 1 + (dice_.percent(30) ? 1 : 0);
                for (std::size_t i = 0; i < count; ++i) {
                    value(value_type, path, depth);
                }
                json_.end_array();
            } else {
                value(value_type, path, depth);
            }
        }
    }

    void value(const TypeInfo& type, const std::string& path, int depth) {
        if (type.kind == TypeKind::primitive) {
            primitive(type.name, path);
        } else if (types_.is_a(types_.find(type.name), types_.find("Quantity"))) {
            quantity(dice_.pick(unit_forms), true);
        } else if (type.name == "Reference") {
            reference(path);
        } else if (type.name == "Identifier") {
            identifier();
        } else if (type.name == "CodeableConcept") {
            concept_value();
        } else if (type.name == "Coding") {
            coding();
        } else if (type.name == "Period") {
            period();
        } else if (type.name == "Range") {
            range();
        } else if (type.name == "Timing") {
            timing();
        } else {
            json_.begin_object();
            members(type, depth + 1);
            close();
        }
    }

    void primitive(const std::string& type, const std::string& path) {
        if (type == "boolean") {
            json_.boolean(dice_.percent(50));
        } else if (type == "decimal" && path.ends_with(".latitude")) {
            json_.raw(dice_.pick({"53.8008", "53.795", "53.959", "51.5074", "-17.0", "89.9"}));
        } else if (type == "decimal" && path.ends_with(".longitude")) {
            json_.raw(dice_.pick({"-1.5491", "-1.7594", "-1.0815", "-0.1278", "179.95", "-179.9"}));
        } else if (type == "decimal") {
            json_.raw(random_decimal(dice_));
        } else if (type == "integer" || type == "positiveInt" || type == "unsignedInt") {
            json_.number(static_cast<long long>(1 + dice_.below(120)));
        } else if (type == "date") {
            std::string date = random_date(dice_);
            json_.string(date.substr(0, 10));
        } else if (type == "dateTime") {
            std::string date = random_date(dice_);
            // A dateTime with a time has seconds; a zone it may lack here, as real senders have it.
            json_.string(date);
        } else if (type == "instant") {
            json_.string("2024-0" + std::to_string(1 + dice_.below(9)) + "-15T10:00:00.250Z");
        } else if (type == "time") {
            json_.string("10:30:00");
        } else if (type == "code") {
            json_.string(code(path));
        } else if (path.ends_with(".version") && dice_.percent(60)) {
            json_.string(dice_.pick({"1.0", "2.0"}));
        } else if (type == "base64Binary") {
            json_.string("QUJD");
        } else if (type == "id") {
            json_.string("r" + std::to_string(dice_.below(9)));
        } else if (type == "oid") {
            json_.string("urn:oid:2.16.840.1." + std::to_string(1 + dice_.below(9)));
        } else if (type == "uuid") {
            json_.string(
                "urn:uuid:c757873d-ec9a-4326-a141-55604352000" + std::to_string(dice_.below(9))
            );
        } else if (type == "uri" || type == "url" || type == "canonical") {
            json_.string(canonical());
        } else {
            json_.string(random_text(dice_));
        }
    }

    std::string code(const std::string& path) {
        if (path == "ContactPoint.system") {
            return dice_.pick({"phone", "email", "fax"});
        }
        if (path == "RelatedArtifact.type") {
            return dice_.pick(
                {"composed-of", "depends-on", "derived-from", "predecessor", "successor"}
            );
        }
        if (path.ends_with("gender")) {
            return dice_.pick({"male", "female", "other", "unknown"});
        }
        return dice_.pick(
            {"active", "final", "completed", "draft", "preliminary", "Patient", "order"}
        );
    }

    std::string canonical() {
        return dice_.pick(
            {"http://acme.example/fhir/ValueSet/v1",
             "http://acme.example/fhir/ValueSet/v1|1.0",
             "http://acme.example/fhir/ValueSet",
             "http://acme.example/fhir/StructureDefinition/a",
             "http://acme.example/fhir/StructureDefinition/a/b",
             "http://acme.example/FHIR/StructureDefinition/a",
             "urn:oid:1.2.3.4",
             "https://other.example/Questionnaire/q?x=1,2"}
        );
    }

    void quantity(const UnitForm& form, bool may_compare) {
        json_.begin_object();
        json_.key("value").raw(random_decimal(dice_));
        if (may_compare && dice_.percent(12)) {
            json_.key("comparator").string(dice_.pick({"<", "<=", ">=", ">"}));
        }
        if (!form.unit.empty()) {
            json_.key("unit").string(form.unit);
        }
        if (!form.code.empty()) {
            json_.key("system").string(form.system);
            json_.key("code").string(form.code);
        }
        close();
    }

    void range() {
        const UnitForm& form = dice_.pick(unit_forms);
        const unsigned which = static_cast<unsigned>(dice_.below(4));
        json_.begin_object();
        const auto end = [&](const char* name, std::size_t number) {
            json_.key(name).begin_object();
            json_.key("value").raw(std::to_string(number));
            if (!form.unit.empty()) {
                json_.key("unit").string(form.unit);
            }
            if (!form.code.empty()) {
                json_.key("system").string(form.system);
                json_.key("code").string(form.code);
            }
            close();
        };
        const std::size_t low = 1 + dice_.below(100);
        if (which != 0) {
            end("low", low);
        }
        if (which != 1) {
            end("high", low + dice_.below(20));
        }
        close();
    }

    void period() {
        std::string start = random_date(dice_);
        std::string end = random_date(dice_);
        if (end.substr(0, 10) < start.substr(0, 10)) {
            std::swap(start, end);
        }
        const unsigned which = static_cast<unsigned>(dice_.below(5));
        json_.begin_object();
        if (which != 0) {
            json_.key("start").string(start);
        }
        if (which != 1) {
            json_.key("end").string(end);
        }
        close();
    }

    void timing() {
        json_.begin_object();
        if (dice_.percent(60)) {
            json_.key("event").begin_array();
            json_.string(random_date(dice_));
            if (dice_.percent(50)) {
                json_.string(random_date(dice_));
            }
            json_.end_array();
        }
        if (dice_.percent(60)) {
            json_.key("repeat").begin_object();
            json_.key("boundsPeriod");
            period();
            json_.key("frequency").number(1);
            close();
        }
        close();
    }

    void coding() {
        json_.begin_object();
        if (dice_.percent(15)) {
            json_.key("system").string(act_codes);
            json_.key("code").string(dice_.pick({"IMP", "ACUTE", "NONAC", "AMB"}));
            close();
            return;
        }
        if (dice_.percent(85)) {
            json_.key("system").string(dice_.pick(
                {"http://loinc.org", "http://snomed.info/sct", "http://local.example/codes"}
            ));
        }
        if (dice_.percent(92)) {
            json_.key("code").string(
                dice_.pick({"8480-6", "8462-4", "44054006", "73211009", "A|B", "x,y", "a"})
            );
        }
        if (dice_.percent(50)) {
            json_.key("display").string(random_text(dice_));
        }
        close();
    }

    void concept_value() {
        json_.begin_object();
        if (dice_.percent(90)) {
            json_.key("coding").begin_array();
            coding();
            if (dice_.percent(25)) {
                coding();
            }
            json_.end_array();
        }
        if (dice_.percent(40)) {
            json_.key("text").string(random_text(dice_));
        }
        close();
    }

    void identifier() {
        json_.begin_object();
        if (dice_.percent(40)) {
            json_.key("type").begin_object();
            json_.key("coding").begin_array().begin_object();
            json_.key("system").string("http://terminology.hl7.org/CodeSystem/v2-0203");
            json_.key("code").string(dice_.pick({"NH", "MR"}));
            json_.end_object().end_array();
            if (dice_.percent(50)) {
                json_.key("text").string(random_text(dice_));
            }
            close();
        }
        if (dice_.percent(85)) {
            json_.key("system").string(
                dice_.pick({"https://fhir.nhs.uk/Id/nhs-number", "urn:local:mrn"})
            );
        }
        if (dice_.percent(95)) {
            json_.key("value").string(
                dice_.pick({"9990000001", "9990000018", "9990000026", "MRN,7", "a$b", "x"})
            );
        }
        close();
    }

    void reference(const std::string& path) {
        const std::vector<std::string>& targets = definitions_.reference_targets(path);
        const std::string type = targets.empty() || dice_.percent(2)
                                     ? dice_.pick({"Patient", "Observation", "Organization"})
                                     : dice_.pick(targets);
        const int count = is_frequent(type) ? size_.of_frequent_types : size_.of_each_type;
        // One number in twenty is of a resource that is not there.
        const std::string id =
            "r" + std::to_string(dice_.below(static_cast<std::size_t>(count) + 1));
        const std::size_t form = dice_.below(100);
        json_.begin_object();
        if (form < 60) {
            json_.key("reference").string(type + "/" + id);
        } else if (form < 68) {
            json_.key("reference").string(std::string(our_base) + "/" + type + "/" + id);
        } else if (form < 73) {
            json_.key("reference").string(std::string(elsewhere) + "/" + type + "/" + id);
        } else if (form < 79) {
            json_.key("reference").string(type + "/" + id + "/_history/2");
        } else if (form < 83) {
            json_.key("reference").string("urn:uuid:c757873d-ec9a-4326-a141-556043520001");
            json_.key("type").string(type);
        } else if (form < 90) {
            const std::string local = "c" + std::to_string(contained_.size());
            contained_.emplace_back(type, local);
            json_.key("reference").string("#" + local);
        }
        if (form >= 90 || dice_.percent(10)) {
            json_.key("identifier");
            identifier();
        }
        if (dice_.percent(20)) {
            json_.key("display").string(random_text(dice_));
        }
        close();
    }

    const fhir::TypeModel& types_;
    const Definitions& definitions_;
    Dice& dice_;
    CorpusSize size_;
    fhir::JsonWriter json_;
    std::vector<std::pair<std::string, std::string>> contained_;
};

}  // namespace

bool is_frequent(std::string_view type) {
    return std::ranges::find(frequent, type) != frequent.end();
}

std::string random_date(Dice& dice) {
    return dice.pick(
        {"2024",
         "2023",
         "2024-03",
         "2024-10",
         "2024-02",
         "2023-12",
         "2024-03-31",
         "2024-03-30",
         "2024-10-27",
         "2024-02-29",
         "2024-06-15",
         "2023-12-31",
         "1951-07-04",
         "1948-12",
         "1985",
         "1984-02-29",
         "2024-03-31T00:30:00",
         "2024-03-31T00:59:59Z",
         "2024-03-31T02:30:00",
         "2024-03-30T23:59:59Z",
         "2024-06-15T10:00:00+01:00",
         "2024-06-15T09:00:00Z",
         "2024-06-15T10:00:00",
         "2024-06-14T23:30:00Z",
         "2024-06-15T10:00:00.500Z",
         "2024-10-27T00:30:00Z",
         "2024-12-31T23:30:00-05:00",
         "2024-02-29T12:00:00Z",
         "2024-10-26T23:30:00Z",
         "2025-01-01T00:00:00Z"}
    );
}

std::string random_decimal(Dice& dice) {
    return dice.pick({"0",     "0.0",  "1",     "1.0",    "1.00",   "5.4",  "5.35", "5.45", "5.449",
                      "100",   "99.5", "100.5", "100.00", "99.995", "0.1",  "0.5",  "-5.4", "-5.35",
                      "-5.45", "37.2", "120",   "0.0054", "54",     "5400", "1000", "1.5",  "95",
                      "105",   "110",  "90",    "1e2",    "2.54",   "16"});
}

std::string random_text(Dice& dice) {
    return dice.pick(
        {"Smith",
         "smith-jones",
         "O'Brien",
         "OBrien",
         "O’Brien",
         "Müller",
         "Muller",
         "MÜLLER",
         "José",
         "Jose",
         "Ångström",
         "Smith, Jr",
         "Anne  Marie",
         "Anne-Marie",
         "Zoë",
         "Groß",
         "Gross",
         "12 High St.",
         "LS1 1AA",
         "ls11aa",
         "0113 496 0000",
         "Blood pressure",
         "blood-pressure (systolic)",
         "e\xcc\x81lan",
         "élan",
         "Siân",
         "ﬁsh",
         "a$b|c",
         "100% ok"}
    );
}

void make_corpus(Records& records, std::uint64_t seed, const CorpusSize& size) {
    Dice dice(seed);
    Maker maker(records, dice, size);
    const fhir::TypeModel& types = records.engine().types();
    std::int64_t at = 1'718'000'000'000'000;
    for (const std::string& type : records.definitions().types()) {
        if (type == "Parameters" || type == "Bundle") {
            continue;
        }
        const int count = is_frequent(type) ? size.of_frequent_types : size.of_each_type;
        for (int i = 0; i < count; ++i) {
            at += static_cast<std::int64_t>(1 + dice.below(9)) * 3'600'000'000 / 2;
            const std::string wrong = records.add(
                maker.resource(types.type(types.find(type)), "r" + std::to_string(i)), at
            );
            if (!wrong.empty()) {
                throw std::logic_error("a resource of the corpus does not decode: " + wrong);
            }
        }
    }
}

}  // namespace gatehouse::search_reference
