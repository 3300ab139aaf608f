// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "gateway/identity/directory.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::gateway {
namespace {

namespace fs = std::filesystem;

constexpr Micros start = 1'795'381'200'000'000;
const std::string owner =
    "owner: {role: Lead, organisation: X26, contact: a@example.nhs.uk, review: 2099-01-01}\n";

std::string file_text(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

unsigned mode_of(const fs::path& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
}

struct IdentityTest : testing::Test {
    tests::ScratchFolder folder;
    FakeClock clock{start};
    DirectoryOptions options;

    void SetUp() override {
        options.source.partners = folder.path() / "partners";
        options.source.owners = folder.path() / "owners";
        options.token_store = folder.path() / "data" / "identity" / "tokens.json";
        options.token_folder = folder.path() / "data" / "tokens";
        options.clock = &clock;
        fs::create_directories(options.source.partners);
    }
    void declare(const std::string& id, const std::string& more = "organisations: [RCB]\n") const {
        std::ofstream(options.source.partners / (id + ".yaml")) << "id: " << id << "\nname: A\n"
                                                                << owner << more;
    }
    [[nodiscard]] std::unique_ptr<Directory> open() const {
        auto directory = Directory::open(options);
        EXPECT_TRUE(directory) << directory.error().detail;
        return directory ? std::move(*directory) : nullptr;
    }
    [[nodiscard]] std::string problems() const {
        Problems out;
        load_partners(options.source, out);
        return out.text();
    }
    [[nodiscard]] std::string issue(const std::string& partner) const {
        const FreshToken token = make_token(partner, clock.now());
        EXPECT_TRUE(update_tokens(options.token_store, [&](auto& records) {
            records.push_back(token.record);
            return Result<void>();
        }));
        return token.secret;
    }
};

Request bearer(const std::string& secret) {
    Request request;
    request.headers.set("Authorization", "Bearer " + secret);
    return request;
}

TEST_F(IdentityTest, the_shipped_partners_load_and_the_development_one_is_first) {
    options.source.partners = fs::path(GATEHOUSE_SOURCE_DIR) / "config" / "partners";
    options.source.owners = fs::path(GATEHOUSE_SOURCE_DIR) / "config" / "owners";
    Problems problems;

    const Partners partners = load_partners(options.source, problems);

    EXPECT_EQ(problems.text(), "");
    ASSERT_GE(partners.size(), 4U);
    EXPECT_EQ(partners[0]->id, "aa-development");
    EXPECT_TRUE(partners[0]->all_rights);
    options.source.samples_allowed = false;
    load_partners(options.source, problems);
    EXPECT_NE(problems.text().find("production profile refuses"), std::string::npos);
}

TEST_F(IdentityTest, a_partner_without_accountable_owner_does_not_load) {
    std::ofstream(options.source.partners / "a.yaml") << "id: a\nname: A\norganisations: [RCB]\n";
    EXPECT_NE(problems().find("a.yaml:1:1: "), std::string::npos) << problems();
    EXPECT_NE(problems().find("G03"), std::string::npos) << problems();

    std::ofstream(options.source.partners / "a.yaml")
        << "id: a\nname: A\norganisations: [RCB]\nowner: {role: Lead, organisation: X26, review: "
           "2099-01-01}\n";
    EXPECT_NE(problems().find("a.yaml:4:8: G03: the owner has no contact"), std::string::npos)
        << problems();
}

TEST_F(IdentityTest, lists_every_problem_of_every_file) {
    declare("good");
    declare(
        "bad",
        "organisations: [rcb]\nlimits: {requests_per_second: -1, brust: 2, interactions: "
        "[dance]}\nallrights: yes\n"
    );
    declare("none", "sample: maybe\n");
    std::ofstream(options.source.partners / "twin.yaml") << "id: good\nname: A\n"
                                                         << owner << "organisations: [RCB]\n";

    const std::string text = problems();

    EXPECT_NE(text.find("'rcb' is not an ODS code"), std::string::npos) << text;
    EXPECT_NE(text.find("requests_per_second"), std::string::npos) << text;
    EXPECT_NE(text.find("unknown key 'brust' in limits"), std::string::npos) << text;
    EXPECT_NE(text.find("unknown interaction 'dance'"), std::string::npos) << text;
    EXPECT_NE(text.find("unknown key 'allrights'"), std::string::npos) << text;
    EXPECT_NE(text.find("must list at least one ODS code"), std::string::npos) << text;
    EXPECT_NE(text.find("expected true or false for 'sample'"), std::string::npos) << text;
    EXPECT_NE(text.find("partner 'good' is already declared"), std::string::npos) << text;
    EXPECT_FALSE(Directory::open(options));
}

TEST_F(IdentityTest, a_token_opens_the_door_for_its_partner_alone) {
    declare("a");
    declare("b");
    const std::string secret_a = issue("a");
    const std::string secret_b = issue("b");
    const auto directory = open();

    const auto a = directory->authenticate(bearer(secret_a));
    const auto b = directory->authenticate(bearer(secret_b));

    ASSERT_TRUE(a);
    ASSERT_TRUE(b);
    EXPECT_EQ(a->partner->id, "a");
    EXPECT_EQ(a->kind, "bearer");
    EXPECT_EQ(a->proof.size(), 12U);
    EXPECT_EQ(b->partner->id, "b");
    EXPECT_EQ(secret_a.size(), 68U);
}

TEST_F(IdentityTest, anything_else_is_unauthorised_and_says_what_to_do) {
    declare("a");
    const std::string secret = issue("a");
    const auto directory = open();
    Request basic;
    basic.headers.set("Authorization", "Basic " + secret);

    for (const Request& request :
         {Request(),
          basic,
          bearer(""),
          bearer(secret + "0"),
          bearer(secret.substr(0, 67)),
          bearer("gh1_")}) {
        const auto answer = directory->authenticate(request);
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Errc::unauthorised);
        EXPECT_GT(answer.error().detail.size(), 20U);
    }
}

TEST_F(IdentityTest, tokens_are_kept_hashed_and_private) {
    declare("a");
    const std::string secret = issue("a");

    EXPECT_EQ(file_text(options.token_store).find(secret.substr(4)), std::string::npos);
    EXPECT_EQ(mode_of(options.token_store), 0600U);
    EXPECT_EQ(mode_of(options.token_store.parent_path()), 0700U);
}

TEST_F(IdentityTest, rotate_and_revoke_work_without_a_restart) {
    declare("a");
    const std::string old_secret = issue("a");
    const auto directory = open();
    ASSERT_TRUE(directory->authenticate(bearer(old_secret)));

    ASSERT_TRUE(update_tokens(options.token_store, [](auto& records) {
        records[0].revoked = true;
        return Result<void>();
    }));
    const std::string new_secret = issue("a");
    directory->refresh();

    EXPECT_FALSE(directory->authenticate(bearer(old_secret)));
    EXPECT_TRUE(directory->authenticate(bearer(new_secret)));
}

TEST_F(IdentityTest, a_damaged_token_file_leaves_the_old_tokens_in_force) {
    declare("a");
    const std::string secret = issue("a");
    const auto directory = open();

    std::ofstream(options.token_store) << "{\"format\":1,\"tok";
    directory->refresh();

    EXPECT_TRUE(directory->authenticate(bearer(secret)));
    EXPECT_EQ(read_tokens(options.token_store).error().code, Errc::corrupt);
}

TEST_F(IdentityTest, a_token_ends_when_it_expires) {
    declare("a");
    FreshToken token = make_token("a", start);
    token.record.expires = start + 1'000'000;
    ASSERT_TRUE(update_tokens(options.token_store, [&](auto& records) {
        records.push_back(token.record);
        return Result<void>();
    }));
    const auto directory = open();

    EXPECT_TRUE(directory->authenticate(bearer(token.secret)));
    clock.advance(1'000'000);
    EXPECT_FALSE(directory->authenticate(bearer(token.secret)));
}

TEST_F(IdentityTest, sample_partners_get_a_token_once) {
    declare("real");
    declare("sample", "organisations: [RCB]\nsample: true\n");
    const auto directory = open();

    ASSERT_TRUE(directory->mint_sample_tokens());
    std::string secret = file_text(options.token_folder / "sample");
    secret.pop_back();

    EXPECT_TRUE(directory->authenticate(bearer(secret)));
    EXPECT_EQ(mode_of(options.token_folder / "sample"), 0600U);
    EXPECT_FALSE(fs::exists(options.token_folder / "real"));
    ASSERT_TRUE(directory->mint_sample_tokens());
    EXPECT_EQ(file_text(options.token_folder / "sample"), secret + "\n");
    EXPECT_EQ(read_tokens(options.token_store)->size(), 1U);
}

TEST_F(IdentityTest, a_new_partner_with_its_token_is_taken_up_while_running) {
    declare("a");
    const auto directory = open();

    declare("late");
    const std::string secret = issue("late");
    directory->refresh();

    const auto answer = directory->authenticate(bearer(secret));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->partner->id, "late");
}

TEST_F(IdentityTest, certificates_prove_partners_by_subject_name_or_fingerprint) {
    declare("a", "organisations: [RCB]\nsubjects: [\"CN=a,O=Trust\"]\n");
    declare("b", "organisations: [RCC]\nsubjects: [b.example, \"sha256:abcd\"]\n");
    const std::string token_of_a = issue("a");
    const auto directory = open();
    Request request;
    request.peer.certificate_fingerprint = "ffff";

    request.peer.certificate_subject = "CN=a,O=Trust";
    EXPECT_EQ(directory->authenticate(request)->partner->id, "a");
    request.peer.certificate_subject = "CN=other";
    request.peer.certificate_names = {"x.example", "b.example"};
    EXPECT_EQ(directory->authenticate(request)->partner->id, "b");
    EXPECT_EQ(directory->authenticate(request)->kind, "mtls");
    request.headers.set("Authorization", "Bearer " + token_of_a);
    EXPECT_NE(
        directory->authenticate(request).error().detail.find("different partners"),
        std::string::npos
    );
    request.headers.erase("Authorization");
    request.peer.certificate_names.clear();
    EXPECT_FALSE(directory->authenticate(request));
    request.peer.certificate_fingerprint = "abcd";
    EXPECT_EQ(directory->authenticate(request)->partner->id, "b");
}

TEST_F(IdentityTest, reload_is_all_or_nothing) {
    declare("a");
    const auto directory = open();
    declare("b", "");

    EXPECT_FALSE(directory->prepare());
    EXPECT_EQ(directory->partners().size(), 1U);
    declare("b");
    auto fresh = directory->prepare();
    ASSERT_TRUE(fresh);
    directory->install(std::move(*fresh));
    EXPECT_EQ(directory->partners().size(), 2U);
}

}  // namespace
}  // namespace gatehouse::gateway
