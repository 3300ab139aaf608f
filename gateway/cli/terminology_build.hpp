#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// gatehouse terminology build: a release of a code system -> an index file.

namespace gatehouse::cli {

// argv[0] is "build". Exit codes as everywhere.
int run_terminology_build(int argc, char** argv);

}  // namespace gatehouse::cli
