# SPDX-License-Identifier: Apache-2.0
#
if(TARGET gatehouse_fhir_schema AND TARGET gatehouse_fhir_path)
    gatehouse_test(validate
        SOURCES validate/cases_test.cpp validate/advisor_test.cpp validate/rule_list_test.cpp
        LINKS gatehouse_fhir_engine gatehouse_fhir_validate gatehouse_fhir_json gatehouse_fhir_xml)
    gatehouse_test(validate_conformance
        SOURCES validate_conformance_test.cpp
        LINKS gatehouse_fhir_validate gatehouse_fhir_json gatehouse_fhir_xml
        LABEL conformance)
    gatehouse_test(validate_bounds
        SOURCES validate/bounds_test.cpp
        LINKS gatehouse_fhir_validate gatehouse_fhir_json gatehouse_fhir_xml)
    # By itself: it counts every allocation of its binary.
    gatehouse_test(validate_allocations
        SOURCES validate/allocations_test.cpp
        LINKS gatehouse_fhir_validate gatehouse_fhir_json gatehouse_fhir_xml)
    # Its counting operator new stands on malloc, which GCC 12 takes for a mismatch when it inlines.
    if(TARGET validate_allocations_test)
        target_compile_options(validate_allocations_test PRIVATE
            $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
    endif()
endif()
