// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/index/spill.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace gatehouse::fhir::content {

Result<SpillFile> SpillFile::create(const std::filesystem::path& folder) {
    std::string name = ((folder.empty() ? "." : folder) / ".terminology-spill-XXXXXX").string();
    const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0) {
        return spill_fault("made");
    }
    ::unlink(name.c_str());
    SpillFile spill;
    spill.file = ::fdopen(descriptor, "w+b");
    if (spill.file == nullptr) {
        ::close(descriptor);
        return spill_fault("made");
    }
    return spill;
}

Fault spill_fault(const char* what) {
    const int error = errno;
    return Fault(
        error == ENOSPC ? Errc::no_space : Errc::io,
        "terminology build",
        std::string("a temporary file beside the output cannot be ") + what + ": " +
            std::generic_category().message(error)
    );
}

}  // namespace gatehouse::fhir::content
