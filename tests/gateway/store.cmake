# SPDX-License-Identifier: Apache-2.0
# Searches from their HTTP parameters to a real SQLite file: tests/cases/search/store*.json.
gatehouse_test(gateway_store
    SOURCES store_search_test.cpp
    LINKS gatehouse_gateway_api gatehouse_adapter_sqlite)

# Generated searches beside a slow evaluator that knows only the definitions and the specification:
# tests/gateway/search_reference/README.md.
if(GATEHOUSE_TESTS)
    add_library(search_reference STATIC
        generated_searches.cpp
        search_reference/amounts.cpp
        search_reference/corpus.cpp
        search_reference/definitions.cpp
        search_reference/evaluator.cpp
        search_reference/filter.cpp
        search_reference/matching.cpp
        search_reference/moments.cpp
        search_reference/queries.cpp
        search_reference/records.cpp
        search_reference/words.cpp)
    target_link_libraries(search_reference
        PUBLIC gatehouse_gateway_api gatehouse_adapter_sqlite GTest::gtest
        PRIVATE gatehouse_warnings)
    target_compile_definitions(search_reference PRIVATE GATEHOUSE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endif()
gatehouse_test(search_differential
    SOURCES search_differential_test.cpp
    LINKS search_reference)

# The same searches on a PostgreSQL server of the test's own.
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBPQ IMPORTED_TARGET libpq)
if(LIBPQ_FOUND)
    gatehouse_test(search_postgres
        SOURCES search_postgres_test.cpp ../support/postgres.cpp
        LINKS search_reference PkgConfig::LIBPQ)
elseif(GATEHOUSE_TESTS)
    add_test(NAME search_postgres
        COMMAND ${CMAKE_COMMAND} -E echo "skipped: no libpq-dev; deploy/install-deps --tests installs it")
    set_tests_properties(search_postgres PROPERTIES SKIP_REGULAR_EXPRESSION "skipped:" LABELS unit)
endif()
