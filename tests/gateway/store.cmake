# SPDX-License-Identifier: Apache-2.0
# Searches from their HTTP parameters to a real SQLite file: tests/cases/search/store*.json.
gatehouse_test(gateway_store
    SOURCES store_search_test.cpp
    LINKS gatehouse_gateway_api gatehouse_adapter_sqlite)

# The same beside a slow evaluator that knows only the definitions and the specification:
# tests/gateway/search_reference/README.md.
gatehouse_test(search_differential
    SOURCES
        search_differential_test.cpp
        search_reference/amounts.cpp
        search_reference/corpus.cpp
        search_reference/definitions.cpp
        search_reference/evaluator.cpp
        search_reference/filter.cpp
        search_reference/matching.cpp
        search_reference/moments.cpp
        search_reference/queries.cpp
        search_reference/records.cpp
        search_reference/words.cpp
    LINKS gatehouse_gateway_api gatehouse_adapter_sqlite)
