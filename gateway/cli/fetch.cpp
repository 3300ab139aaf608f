// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/fetch.hpp"

#include <spawn.h>
#include <sys/wait.h>

#include <vector>

extern char** environ;

namespace gatehouse::cli {

Result<void> fetch(const std::string& url, const std::filesystem::path& file) {
    if (!url.starts_with("https://") && !url.starts_with("http://")) {
        return Fault(Errc::invalid, "fetch", "'" + url + "' is neither http nor https");
    }
    const std::string target = file.string();
    // A package is some megabytes; the bounds keep a wrong address from filling the disk.
    std::vector<std::string> words = {
        "curl",
        "--fail",
        "--silent",
        "--show-error",
        "--location",
        "--proto",
        "=http,https",
        "--max-time",
        "300",
        "--max-filesize",
        "536870912",
        "--output",
        target,
        "--",
        url};
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t child = 0;
    if (posix_spawnp(&child, "curl", nullptr, nullptr, arguments.data(), environ) != 0) {
        return Fault(
            Errc::unsupported,
            "fetch",
            "curl could not be started; install it, or download the package and add its file"
        );
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return Fault(Errc::io, "fetch", "curl ended unexpectedly");
    }
    if (WEXITSTATUS(status) == 127) {
        return Fault(
            Errc::unsupported,
            "fetch",
            "curl is not installed; install it, or download the package and add its file"
        );
    }
    if (WEXITSTATUS(status) != 0) {
        return Fault(
            Errc::io,
            "fetch",
            url + " could not be downloaded (curl exit " + std::to_string(WEXITSTATUS(status)) + ")"
        );
    }
    return {};
}

}  // namespace gatehouse::cli
