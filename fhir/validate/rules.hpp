#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The published table of what the validator checks: our stable rule id, HL7's message id where one
// matches, the issue type and the usual severity. Ids never change their meaning and are never
// reused; advisor files, partners and metrics name them. Invariants report as "inv:" + key.

#include <span>
#include <string_view>

#include "fhir/outcome/issue.hpp"

namespace gatehouse::fhir {

struct RuleInfo {
    std::string_view id;
    std::string_view message_id;
    IssueType type = IssueType::structure;
    Severity severity = Severity::error;
};

namespace rules {

#define GH_RULE(name, id, message, type, severity)                                                 \
    inline constexpr RuleInfo name{id, message, IssueType::type, Severity::severity};

// clang-format off
// Structure
GH_RULE(unknown_resource, "unknown-resource", "This_content_cannot_be_parsed_unknown_or_unrecognized_resource_name", invalid, error)
GH_RULE(unknown_element, "unknown-element", "UNRECOGNISED_PROPERTY_", structure, error)
GH_RULE(empty_element, "empty-element", "Object_must_have_some_content", invalid, error)
GH_RULE(must_be_array, "must-be-array", "MUST_BE_ARRAY", invalid, error)
GH_RULE(must_not_be_array, "must-not-be-array", "This_property_must_be_an__not_a_", invalid, error)
GH_RULE(must_be_object, "must-be-object", "This_property_must_be_an__not_", invalid, error)
GH_RULE(json_type, "json-type", "Error_parsing_JSON_the_primitive_value_must_be_a_string", invalid, error)
GH_RULE(element_order, "element-order", "Validation_VAL_Profile_OutOfOrder", structure, error)
GH_RULE(wrong_type, "wrong-type", "Validation_VAL_Profile_WrongType2", structure, error)
GH_RULE(cardinality_min, "cardinality-min", "Validation_VAL_Profile_Minimum", structure, error)
GH_RULE(cardinality_max, "cardinality-max", "Validation_VAL_Profile_Maximum", structure, error)
GH_RULE(not_allowed, "element-prohibited", "Validation_VAL_Profile_NotAllowed", structure, error)
GH_RULE(duplicate_id, "duplicate-element-id", "DUPLICATE_ID", invalid, error)
// Primitive values
GH_RULE(value_empty, "value-empty", "Type_Specific_Checks_DT_Primitive_NotEmpty", invalid, error)
GH_RULE(value_whitespace, "value-whitespace", "Type_Specific_Checks_DT_Primitive_WS", invalid, warning)
GH_RULE(string_whitespace, "string-whitespace", "Type_Specific_Checks_DT_String_WS", invalid, warning)
GH_RULE(string_length, "string-length", "Type_Specific_Checks_DT_String_Length", invalid, error)
GH_RULE(max_length, "max-length", "Type_Specific_Checks_DT_Primitive_Length", invalid, error)
GH_RULE(boolean_value, "boolean-value", "Type_Specific_Checks_DT_Boolean_Value", invalid, error)
GH_RULE(integer_value, "integer-value", "Type_Specific_Checks_DT_Integer_Valid", invalid, error)
GH_RULE(integer_positive, "integer-positive", "Type_Specific_Checks_DT_Integer_LT1", invalid, error)
GH_RULE(integer_unsigned, "integer-unsigned", "Type_Specific_Checks_DT_Integer_LT0", invalid, error)
GH_RULE(decimal_value, "decimal-value", "Type_Specific_Checks_DT_Decimal_Valid", invalid, error)
GH_RULE(decimal_range, "decimal-range", "Type_Specific_Checks_DT_Decimal_Range", value, warning)
GH_RULE(date_value, "date-value", "Type_Specific_Checks_DT_Date_Valid", invalid, error)
GH_RULE(date_time_value, "date-time-value", "Type_Specific_Checks_DT_DateTime_Valid", invalid, error)
GH_RULE(date_time_zone, "date-time-zone", "Type_Specific_Checks_DT_DateTime_TZ", invalid, error)
GH_RULE(date_reasonable, "date-reasonable", "Type_Specific_Checks_DT_DateTime_Reasonable", value, warning)
GH_RULE(instant_value, "instant-value", "Type_Specific_Checks_DT_DateTime_Regex", invalid, error)
GH_RULE(time_value, "time-value", "Type_Specific_Checks_DT_Time_Valid", invalid, error)
GH_RULE(code_whitespace, "code-whitespace", "Type_Specific_Checks_DT_Code_WS", invalid, error)
GH_RULE(uri_whitespace, "uri-whitespace", "Type_Specific_Checks_DT_URI_WS", invalid, error)
GH_RULE(uri_oid, "uri-oid", "Type_Specific_Checks_DT_URI_OID", invalid, error)
GH_RULE(uri_uuid, "uri-uuid", "Type_Specific_Checks_DT_URI_UUID", invalid, error)
GH_RULE(oid_value, "oid-value", "Type_Specific_Checks_DT_OID_Valid", invalid, error)
GH_RULE(oid_start, "oid-start", "Type_Specific_Checks_DT_OID_Start", invalid, error)
GH_RULE(uuid_value, "uuid-value", "Type_Specific_Checks_DT_UUID_Valid", invalid, error)
GH_RULE(uuid_start, "uuid-start", "Type_Specific_Checks_DT_UUID_Strat", invalid, error)
GH_RULE(id_value, "id-value", "Type_Specific_Checks_DT_ID_Valid", invalid, error)
GH_RULE(base64_value, "base64-value", "Type_Specific_Checks_DT_Base64_Valid", invalid, error)
GH_RULE(base64_whitespace, "base64-whitespace", "TYPE_SPECIFIC_CHECKS_DT_BASE64_NO_WS_WARNING", invalid, warning)
GH_RULE(url_target, "canonical-fragment-target", "TYPE_SPECIFIC_CHECKS_DT_URL_INTERNAL", invalid, error)
GH_RULE(resource_id_chars, "resource-id-characters", "Resource_RES_ID_Malformed_Chars", invalid, error)
GH_RULE(resource_id_length, "resource-id-length", "Resource_RES_ID_Malformed_Length", invalid, error)
// Fixed, pattern, bounds
GH_RULE(fixed_value, "fixed-value", "_DT_Fixed_Wrong", value, error)
GH_RULE(pattern_value, "pattern-value", "PATTERN_CHECK_STRING", value, error)
GH_RULE(min_value, "min-value", "PRIMITIVE_VALUE_BOUNDARY_TOO_LOW", value, error)
GH_RULE(max_value, "max-value", "PRIMITIVE_VALUE_BOUNDARY_TOO_HIGH", value, error)
// Slicing
GH_RULE(slice_min, "slice-min", "Validation_VAL_Profile_Minimum_SLICE", structure, error)
GH_RULE(slice_max, "slice-max", "Validation_VAL_Profile_Maximum", structure, error)
GH_RULE(slice_closed, "slice-closed", "Validation_VAL_Profile_NotSlice", structure, error)
GH_RULE(slice_order, "slice-order", "Validation_VAL_Profile_SliceOrder", structure, error)
GH_RULE(slice_end, "slice-open-at-end", "Validation_VAL_Profile_NotAtEnd", structure, error)
// Terminology
GH_RULE(binding_required, "binding-required", "Terminology_TX_NoValid_16", code_invalid, error)
GH_RULE(binding_required_concept, "binding-required-concept", "Terminology_TX_NoValid_1_CC", code_invalid, error)
GH_RULE(binding_required_coding, "binding-required-coding", "Terminology_TX_NoValid_12", code_invalid, error)
GH_RULE(binding_required_missing, "binding-required-no-code", "Terminology_TX_Code_ValueSet", code_invalid, error)
GH_RULE(binding_required_empty, "binding-required-no-value", "Terminology_TX_Code_ValueSet_MISSING", code_invalid, error)
GH_RULE(binding_max, "binding-max-value-set", "Terminology_TX_NoValid_11", code_invalid, error)
GH_RULE(binding_extensible, "binding-extensible", "Terminology_TX_NoValid_2_CC", code_invalid, warning)
GH_RULE(binding_extensible_code, "binding-extensible-code", "Terminology_TX_NoValid_17", code_invalid, warning)
GH_RULE(binding_extensible_missing, "binding-extensible-no-code", "Terminology_TX_Code_ValueSet_Ext", code_invalid, warning)
GH_RULE(value_set_unknown, "value-set-unknown", "Terminology_TX_ValueSet_NotFound", code_invalid, warning)
GH_RULE(code_unknown, "code-unknown", "Unknown_Code_in_Version", code_invalid, error)
GH_RULE(code_syntax, "code-syntax", "", code_invalid, warning)
GH_RULE(code_not_checkable, "code-not-checkable", "Error_validating_code_running_without_terminology_services", not_supported, information)
GH_RULE(coding_no_system, "coding-no-system", "Coding_has_no_system__cannot_validate", invalid, warning)
GH_RULE(coding_system_relative, "coding-system-relative", "Terminology_TX_System_Relative", invalid, error)
GH_RULE(coding_system_value_set, "coding-system-is-value-set", "Terminology_TX_System_ValueSet2", invalid, error)
GH_RULE(display_wrong, "display-wrong", "Display_Name_for__should_be_one_of__instead_of", invalid, error)
GH_RULE(display_whitespace, "display-whitespace", "Display_Name_WS_for__should_be_one_of__instead_of", invalid, error)
// Extensions
GH_RULE(extension_no_url, "extension-no-url", "Extension_EXT_Url_NotFound", required, error)
GH_RULE(extension_relative, "extension-url-relative", "Extension_EXT_URL_Absolute", invalid, error)
GH_RULE(extension_unknown, "extension-unknown", "Extension_EXT_Unknown", extension, warning)
GH_RULE(extension_unknown_here, "extension-unknown-here", "Extension_EXT_Unknown_NotHere", extension, error)
GH_RULE(extension_type, "extension-type", "Extension_EXT_Type", structure, error)
GH_RULE(extension_simple_absent, "extension-no-value", "Extension_EXT_Simple_ABSENT", structure, error)
GH_RULE(extension_simple_wrong, "extension-not-complex", "Extension_EXT_Simple_WRONG", structure, error)
GH_RULE(extension_sub, "extension-part-unknown", "Extension_EXT_SubExtension_Invalid", structure, error)
GH_RULE(extension_context, "extension-context", "Extension_EXTP_Context_Wrong", structure, error)
GH_RULE(extension_modifier_yes, "extension-not-modifier", "Extension_EXT_Modifier_Y", structure, error)
GH_RULE(extension_modifier_no, "extension-must-be-modifier", "Extension_EXT_Modifier_N", structure, error)
GH_RULE(extension_version, "extension-url-version", "EXT_VER_URL_REVERSION", invalid, warning)
GH_RULE(extension_version_not_allowed, "extension-url-version-not-allowed", "EXT_VER_URL_NOT_ALLOWED", invalid, error)
// References and containment
GH_RULE(reference_invalid, "reference-invalid", "REFERENCE_REF_INVALID_REF", invalid, error)
GH_RULE(reference_suspicious, "reference-suspicious", "REFERENCE_REF_SUSPICIOUS", invalid, warning)
GH_RULE(reference_target, "reference-target-type", "Reference_REF_BadTargetType2", structure, error)
GH_RULE(reference_mismatch, "reference-entry-type", "BUNDLE_BUNDLE_ENTRY_RESOURCE_TYPE_MISMATCH", structure, error)
GH_RULE(reference_type, "reference-type-element", "Reference_REF_BadTargetType", structure, error)
GH_RULE(reference_no_display, "reference-no-display", "Reference_REF_NoDisplay", structure, warning)
GH_RULE(reference_unresolved, "reference-unresolved", "Reference_REF_CantResolve", not_found, error)
GH_RULE(reference_profile, "reference-target-profile", "Reference_REF_CantMatchChoice", structure, error)
GH_RULE(contained_orphan, "contained-unreferenced", "CONTAINED_ORPHAN_DOM3", invalid, error)
GH_RULE(contained_duplicate, "contained-duplicate-id", "RESOURCE_DUPLICATE_CONTAINED_ID", invalid, error)
// Data types
GH_RULE(identifier_system, "identifier-system-relative", "Type_Specific_Checks_DT_Identifier_System", invalid, error)
GH_RULE(identifier_uri_value, "identifier-value-not-uri", "TYPE_SPECIFIC_CHECKS_DT_IDENTIFIER_IETF_SYSTEM_VALUE", invalid, error)
GH_RULE(quantity_annotation, "quantity-ucum-annotation", "TYPE_SPECIFIC_CHECKS_DT_QTY_UCUM_ANNOTATIONS", business_rule, warning)
GH_RULE(attachment_size, "attachment-size", "TYPE_SPECIFIC_CHECKS_DT_ATT_SIZE_INVALID", invalid, error)
GH_RULE(attachment_size_wrong, "attachment-size-wrong", "TYPE_SPECIFIC_CHECKS_DT_ATT_SIZE_CORRECT", invalid, error)
GH_RULE(attachment_hash, "attachment-hash", "TYPE_SPECIFIC_CHECKS_DT_ATT_HASH_MISMATCH", invalid, error)
GH_RULE(attachment_data, "attachment-data", "TYPE_SPECIFIC_CHECKS_DT_ATT_B64_DECODE_FAIL", invalid, error)
GH_RULE(attachment_content, "attachment-no-content", "TYPE_SPECIFIC_CHECKS_DT_ATT_NO_CONTENT", invalid, warning)
// Narrative
GH_RULE(narrative_form, "narrative-malformed", "", invalid, error)
GH_RULE(narrative_namespace, "narrative-namespace", "XHTML_XHTML_NS_InValid", invalid, error)
GH_RULE(narrative_root, "narrative-root", "XHTML_XHTML_Name_Invalid", invalid, error)
GH_RULE(narrative_element, "narrative-element", "XHTML_XHTML_Element_Illegal", invalid, error)
GH_RULE(narrative_attribute, "narrative-attribute", "XHTML_XHTML_Attribute_Illegal", invalid, error)
GH_RULE(narrative_place, "narrative-element-place", "XHTML_XHTML_OUT_OF_PLACE", invalid, error)
GH_RULE(narrative_active, "narrative-active-link", "TYPE_SPECIFIC_CHECKS_DT_XHTML_ACTIVE_HREF", invalid, error)
GH_RULE(narrative_target, "narrative-link-target", "TYPE_SPECIFIC_CHECKS_DT_XHTML_RESOLVE", invalid, error)
GH_RULE(narrative_entity, "narrative-entity", "XHTML_XHTML_Entity_Invalid", invalid, error)
// Bundles
GH_RULE(bundle_first, "bundle-first-entry", "Bundle_BUNDLE_Entry_Document", invalid, error)
GH_RULE(bundle_no_first, "bundle-no-first-entry", "Bundle_BUNDLE_Entry_NoFirst", invalid, error)
GH_RULE(bundle_full_url, "bundle-full-url-missing", "BUNDLE_BUNDLE_ENTRY_FULLURL_REQUIRED", required, error)
GH_RULE(bundle_full_url_absolute, "bundle-full-url-absolute", "BUNDLE_ENTRY_URL_ABSOLUTE", invalid, error)
GH_RULE(bundle_full_url_match, "bundle-full-url-id", "BUNDLE_ENTRY_URL_MATCHES_TYPE_ID", invalid, error)
GH_RULE(bundle_reference, "bundle-reference-unresolved", "BUNDLE_BUNDLE_ENTRY_NOTFOUND_APPARENT", not_found, error)
GH_RULE(bundle_reference_base, "bundle-reference-no-base", "BUNDLE_BUNDLE_ENTRY_NOTFOUND_CANNOT", not_found, error)
GH_RULE(bundle_orphan, "bundle-entry-unreachable", "Bundle_BUNDLE_Entry_Orphan_DOCUMENT", informational, error)
GH_RULE(bundle_orphan_message, "bundle-entry-unreachable-message", "Bundle_BUNDLE_Entry_Orphan_MESSAGE", informational, warning)
GH_RULE(bundle_full_url_no_id, "bundle-full-url-no-id", "BUNDLE_ENTRY_URL_MATCHES_NO_ID", invalid, error)
GH_RULE(bundle_link, "bundle-link-duplicate", "BUNDLE_LINK_SEARCH_NO_DUPLICATES", invalid, error)
// Questionnaires and their answers
GH_RULE(form_enable_behavior, "questionnaire-enable-behavior", "http://hl7.org/fhir/StructureDefinition/Questionnaire#que-12", invariant, error)
GH_RULE(form_enable_no_question, "questionnaire-enable-no-question", "QUESTIONNAIRE_Q_ENABLEWHEN_NOLINK", business_rule, error)
GH_RULE(form_enable_no_target, "questionnaire-enable-no-target", "QUESTIONNAIRE_Q_ENABLEWHEN_NOTARGET", business_rule, error)
GH_RULE(form_enable_self, "questionnaire-enable-self", "QUESTIONNAIRE_Q_ENABLEWHEN_SELF", business_rule, error)
GH_RULE(form_enable_inner, "questionnaire-enable-inner", "QUESTIONNAIRE_Q_ENABLEWHEN_ISINNER", business_rule, error)
GH_RULE(form_enable_after, "questionnaire-enable-after", "QUESTIONNAIRE_Q_ENABLEWHEN_AFTER", business_rule, warning)
GH_RULE(form_not_named, "response-no-questionnaire", "QUESTIONNAIRE_QR_Q_NONE", required, information)
GH_RULE(form_unknown, "response-questionnaire-unknown", "QUESTIONNAIRE_QR_Q_NOTFOUND", required, warning)
GH_RULE(form_no_type, "questionnaire-item-no-type", "QUESTIONNAIRE_QR_ITEM_NOTYPE", required, error)
GH_RULE(answer_authored, "response-authored-outside", "QUESTIONNAIRE_QR_AUTHOR_END", business_rule, warning)
GH_RULE(answer_no_link_id, "response-no-link-id", "QUESTIONNAIRE_QR_ITEM_NOLINKID", required, error)
GH_RULE(answer_unknown_link_id, "response-unknown-link-id", "QUESTIONNAIRE_QR_ITEM_NOTFOUND", not_found, error)
GH_RULE(answer_misplaced, "response-item-misplaced", "", structure, error)
GH_RULE(answer_order, "response-item-order", "QUESTIONNAIRE_QR_ITEM_ORDER", structure, error)
GH_RULE(answer_text, "response-item-text", "QUESTIONNAIRE_QR_ITEM_TEXT", invalid, error)
GH_RULE(answer_missing, "response-answer-missing", "QUESTIONNAIRE_QR_ITEM_MISSING", required, error)
GH_RULE(answer_not_enabled, "response-not-enabled", "QUESTIONNAIRE_QR_ITEM_NOTENABLED2", invalid, error)
GH_RULE(answer_repeats, "response-answer-repeats", "QUESTIONNAIRE_QR_ITEM_ONLYONEA", invalid, error)
GH_RULE(answer_item_repeats, "response-item-repeats", "QUESTIONNAIRE_QR_ITEM_ONLYONEI", invalid, error)
GH_RULE(answer_min_occurs, "response-answer-min-occurs", "QUESTIONNAIRE_QR_ITEM_MIN_OCCURS", invalid, error)
GH_RULE(answer_max_occurs, "response-answer-max-occurs", "QUESTIONNAIRE_QR_ITEM_MAX_OCCURS", invalid, error)
GH_RULE(answer_on_group, "response-answer-on-group", "QUESTIONNAIRE_QR_ITEM_GROUP", structure, error)
GH_RULE(answer_on_display, "response-answer-on-display", "QUESTIONNAIRE_QR_ITEM_DISPLAY_NO_VALUE", structure, error)
GH_RULE(answer_items_on_display, "response-items-on-display", "QUESTIONNAIRE_QR_ITEM_DISPLAY", structure, error)
GH_RULE(answer_items_on_question, "response-items-beside-answer", "QUESTIONNAIRE_QR_ITEM_GROUP_ANSWER", structure, error)
GH_RULE(answer_group_empty, "response-group-empty", "QUESTIONNAIRE_QR_ITEM_GROUP_REQUIRED", invariant, error)
GH_RULE(answer_type, "response-answer-type", "QUESTIONNAIRE_QR_ITEM_WRONGTYPE", invariant, error)
GH_RULE(answer_min_value, "response-answer-min-value", "QUESTIONNAIRE_QR_ITEM_DATE_MIN", invariant, error)
GH_RULE(answer_max_value, "response-answer-max-value", "QUESTIONNAIRE_QR_ITEM_DATE_MAX", invariant, error)
GH_RULE(answer_decimals, "response-answer-decimals", "QUESTIONNAIRE_QR_ITEM_DECIMAL_MAX_DECIMALS", invariant, error)
GH_RULE(answer_min_length, "response-answer-min-length", "QUESTIONNAIRE_QR_ITEM_STRING_MIN_LENGTH", invariant, error)
GH_RULE(answer_max_length, "response-answer-max-length", "QUESTIONNAIRE_QR_ITEM_STRING_MAX_LENGTH", invariant, error)
GH_RULE(answer_regex, "response-answer-form", "QUESTIONNAIRE_QR_ITEM_STRING_REGEX", invariant, error)
GH_RULE(answer_line_breaks, "response-answer-line-breaks", "QUESTIONNAIRE_QR_ITEM_STRING_ILLEGAL_CHARS", invariant, warning)
GH_RULE(answer_no_media, "response-attachment-no-type", "QUESTIONNAIRE_QR_ITEM_NOT_ATTACHMENT_MIMETYPE", required, error)
GH_RULE(answer_media, "response-attachment-type", "QUESTIONNAIRE_QR_ITEM_BAD_ATTACHMENT_MIMETYPE", required, error)
GH_RULE(answer_attachment_size, "response-attachment-size", "QUESTIONNAIRE_QR_ITEM_BAD_ATTACHMENT_LENGTH", required, error)
GH_RULE(answer_target, "response-reference-target", "QUESTIONNAIRE_QR_ITEM_REF_INVALID", invariant, error)
GH_RULE(answer_target_type, "response-reference-type", "QUESTIONNAIRE_QR_ITEM_REF_INVALID_GENERAL", invariant, error)
GH_RULE(answer_quantity_units, "response-quantity-not-comparable", "QUESTIONNAIRE_QR_ITEM_DECIMAL_CANNOT_COMPARE_MIN", invariant, error)
GH_RULE(answer_min_quantity, "response-min-quantity", "QUESTIONNAIRE_QR_ITEM_QUANTITY_MIN", invariant, error)
GH_RULE(answer_max_quantity, "response-max-quantity", "QUESTIONNAIRE_QR_ITEM_QUANTITY_MAX", invariant, error)
GH_RULE(answer_unit, "response-unit-option", "QUESTIONNAIRE_QR_ITEM_DECIMAL_INVALID_UNITS", invariant, error)
GH_RULE(answer_unit_set, "response-unit-value-set", "QUESTIONNAIRE_QR_ITEM_DECIMAL_UNIT_FAIL_VS", invariant, error)
GH_RULE(answer_exclusive, "response-option-exclusive", "QUESTIONNAIRE_QR_ITEM_EXCLUSIVE", invariant, error)
GH_RULE(answer_option, "response-option", "QUESTIONNAIRE_QR_ITEM_NOCODING", invariant, error)
GH_RULE(answer_option_type, "response-option-type", "QUESTIONNAIRE_QR_ITEM_NOOPTIONSSTRING", invariant, error)
GH_RULE(answer_no_options, "response-no-options", "QUESTIONNAIRE_QR_ITEM_NOOPTIONS", invariant, information)
GH_RULE(answer_set, "response-value-set", "QUESTIONNAIRE_QR_ITEM_BADOPTION", code_invalid, error)
GH_RULE(answer_set_text, "response-value-set-text", "QUESTIONNAIRE_QR_ITEM_VS_FAIL", invariant, error)
GH_RULE(answer_set_unknown, "response-value-set-unknown", "Terminology_TX_ValueSet_NotFound", code_invalid, warning)
// Profiles
GH_RULE(profile_unknown, "profile-unknown", "VALIDATION_VAL_PROFILE_UNKNOWN_NOT_POLICY", structure, warning)
GH_RULE(profile_type, "profile-wrong-type", "Validation_VAL_Profile_WrongType", structure, error)
GH_RULE(profile_unusable, "profile-unusable", "", processing, error)
GH_RULE(profile_none_matched, "profile-none-matched", "Validation_VAL_NoType", structure, error)
// The validator itself
GH_RULE(invariant_not_checkable, "invariant-not-checkable", "", not_supported, information)
GH_RULE(invariant_failed, "invariant", "", invariant, error)
GH_RULE(budget, "budget-exhausted", "", too_costly, error)
GH_RULE(too_many_issues, "too-many-issues", "", too_costly, warning)
// clang-format on

#undef GH_RULE

}  // namespace rules
}  // namespace gatehouse::fhir
