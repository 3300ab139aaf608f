#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What the store's tests share: a store in a folder of its own, resources and parameters made by
// hand.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "adapters/sqlite/sqlite_store.hpp"

namespace gatehouse::adapters {

using gateway::NewVersion;
using gateway::Store;
using gateway::StoreWriter;

class Folder {
public:
    Folder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "gatehouse-store-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::filesystem::path file(const char* name = "store.db") const {
        return path_ / name;
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline std::unique_ptr<Store>
open_store(const std::filesystem::path& file, std::uint64_t bytes_max = 0) {
    SqliteOptions options;
    options.file = file;
    options.bytes_max = bytes_max;
    auto store = open_sqlite_store(options);
    EXPECT_TRUE(store) << (store ? "" : describe(store.error()));
    return store ? std::move(*store) : nullptr;
}

inline const fhir::SearchParameter&
parameter(const std::string& code, fhir::SearchType type, std::vector<std::string> targets = {}) {
    static std::map<std::string, fhir::SearchParameter> all;
    fhir::SearchParameter& made = all[code];
    made.code = code;
    made.type = type;
    made.targets = std::move(targets);
    return made;
}

inline NewVersion patient(const std::string& id, const std::string& family = "Smith") {
    NewVersion version;
    version.type = "Patient";
    version.id = id;
    version.json = {R"({"resourceType":"Patient","id":")" + id + R"(","meta":{)", "}}"};
    version.last_updated = 1'700'000'000'000'000;
    version.message_id = "01HF0000000000000000000000";
    version.source = "practice";
    fhir::IndexEntry name;
    name.parameter = &parameter("family", fhir::SearchType::string);
    name.value = family;
    name.folded = fhir::fold(family);
    version.index.push_back(name);
    fhir::IndexEntry identifier;
    identifier.parameter = &parameter("identifier", fhir::SearchType::token);
    identifier.system = "https://fhir.nhs.uk/Id/nhs-number";
    identifier.value = "99" + id;
    version.index.push_back(identifier);
    return version;
}

inline Result<void> put_one(Store& store, const NewVersion& version) {
    return store.transact([&](StoreWriter& writer) -> Result<void> {
        GH_TRY(writer.put(version));
        return {};
    });
}

}  // namespace gatehouse::adapters
