// SPDX-License-Identifier: Apache-2.0
#include "fhir/xml/xhtml_text.hpp"

#include <expat.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <memory>
#include <utility>

namespace gatehouse::fhir {
namespace {

// HTML's entities that narratives hold in practice (HTML 4.01 §24); sorted by name.
constexpr std::pair<std::string_view, std::uint16_t> html_entities[] = {
    {"AElig", 198},   {"Aacute", 193},  {"Acirc", 194},  {"Agrave", 192},  {"Alpha", 913},
    {"Aring", 197},   {"Atilde", 195},  {"Auml", 196},   {"Beta", 914},    {"Ccedil", 199},
    {"Delta", 916},   {"ETH", 208},     {"Eacute", 201}, {"Ecirc", 202},   {"Egrave", 200},
    {"Euml", 203},    {"Gamma", 915},   {"Iacute", 205}, {"Icirc", 206},   {"Igrave", 204},
    {"Iuml", 207},    {"Lambda", 923},  {"Ntilde", 209}, {"OElig", 338},   {"Oacute", 211},
    {"Ocirc", 212},   {"Ograve", 210},  {"Omega", 937},  {"Oslash", 216},  {"Otilde", 213},
    {"Ouml", 214},    {"Phi", 934},     {"Pi", 928},     {"Psi", 936},     {"Scaron", 352},
    {"Sigma", 931},   {"THORN", 222},   {"Theta", 920},  {"Uacute", 218},  {"Ucirc", 219},
    {"Ugrave", 217},  {"Uuml", 220},    {"Yacute", 221}, {"Yuml", 376},    {"aacute", 225},
    {"acirc", 226},   {"acute", 180},   {"aelig", 230},  {"agrave", 224},  {"alpha", 945},
    {"aring", 229},   {"asymp", 8776},  {"atilde", 227}, {"auml", 228},    {"bdquo", 8222},
    {"beta", 946},    {"brvbar", 166},  {"bull", 8226},  {"ccedil", 231},  {"cedil", 184},
    {"cent", 162},    {"check", 10003}, {"circ", 710},   {"copy", 169},    {"curren", 164},
    {"dagger", 8224}, {"darr", 8595},   {"deg", 176},    {"delta", 948},   {"divide", 247},
    {"eacute", 233},  {"ecirc", 234},   {"egrave", 232}, {"emsp", 8195},   {"ensp", 8194},
    {"epsilon", 949}, {"equiv", 8801},  {"eth", 240},    {"euml", 235},    {"euro", 8364},
    {"frac12", 189},  {"frac14", 188},  {"frac34", 190}, {"gamma", 947},   {"ge", 8805},
    {"harr", 8596},   {"hellip", 8230}, {"iacute", 237}, {"icirc", 238},   {"iexcl", 161},
    {"igrave", 236},  {"infin", 8734},  {"iquest", 191}, {"iuml", 239},    {"kappa", 954},
    {"lambda", 955},  {"laquo", 171},   {"larr", 8592},  {"ldquo", 8220},  {"le", 8804},
    {"lsaquo", 8249}, {"lsquo", 8216},  {"macr", 175},   {"mdash", 8212},  {"micro", 181},
    {"middot", 183},  {"minus", 8722},  {"mu", 956},     {"nbsp", 160},    {"ndash", 8211},
    {"ne", 8800},     {"not", 172},     {"ntilde", 241}, {"oacute", 243},  {"ocirc", 244},
    {"oelig", 339},   {"ograve", 242},  {"omega", 969},  {"ordf", 170},    {"ordm", 186},
    {"oslash", 248},  {"otilde", 245},  {"ouml", 246},   {"para", 182},    {"permil", 8240},
    {"phi", 966},     {"pi", 960},      {"plusmn", 177}, {"pound", 163},   {"psi", 968},
    {"raquo", 187},   {"rarr", 8594},   {"rdquo", 8221}, {"reg", 174},     {"rho", 961},
    {"rsaquo", 8250}, {"rsquo", 8217},  {"sbquo", 8218}, {"scaron", 353},  {"sect", 167},
    {"shy", 173},     {"sigma", 963},   {"sup1", 185},   {"sup2", 178},    {"sup3", 179},
    {"szlig", 223},   {"tau", 964},     {"theta", 952},  {"thinsp", 8201}, {"thorn", 254},
    {"tilde", 732},   {"times", 215},   {"trade", 8482}, {"uacute", 250},  {"uarr", 8593},
    {"ucirc", 251},   {"ugrave", 249},  {"uml", 168},    {"uuml", 252},    {"yacute", 253},
    {"yen", 165},     {"yuml", 255},
};
static_assert(std::is_sorted(std::begin(html_entities), std::end(html_entities)));

enum class Fragment { broken, without_namespace, good };

struct FragmentCheck {
    XML_Parser parser = nullptr;
    bool first = true;
    bool has_namespace = false;
};

// Whether a div can stand in XML as it is.
Fragment check_fragment(std::string_view fragment) {
    if (fragment.size() > static_cast<std::size_t>(INT_MAX) || !fragment.starts_with("<div")) {
        return Fragment::broken;
    }
    struct Free {
        void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
    };
    const std::unique_ptr<XML_ParserStruct, Free> parser(XML_ParserCreateNS("UTF-8", '\x1f'));
    FragmentCheck check{parser.get()};
    XML_SetUserData(parser.get(), &check);
    XML_SetStartDoctypeDeclHandler(
        parser.get(),
        [](void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
            XML_StopParser(static_cast<FragmentCheck*>(user)->parser, XML_FALSE);
        }
    );
    XML_SetStartElementHandler(
        parser.get(),
        [](void* user, const XML_Char* name, const XML_Char**) {
            auto& found = *static_cast<FragmentCheck*>(user);
            found.has_namespace =
                found.first ? std::string_view(name).find('\x1f') != std::string_view::npos
                            : found.has_namespace;
            found.first = false;
        }
    );
    if (XML_Parse(parser.get(), fragment.data(), static_cast<int>(fragment.size()), XML_TRUE) !=
        XML_STATUS_OK) {
        return Fragment::broken;
    }
    return check.has_namespace ? Fragment::good : Fragment::without_namespace;
}

// The text with HTML's named entities as numbers.
std::string with_numeric_entities(std::string_view text) {
    std::string out;
    std::size_t run = 0;
    for (std::size_t at = text.find('&'); at != std::string_view::npos;
         at = text.find('&', at + 1)) {
        const std::size_t end = text.find(';', at);
        if (end == std::string_view::npos) {
            break;
        }
        const std::string_view name = text.substr(at + 1, end - at - 1);
        const auto* found = std::lower_bound(
            std::begin(html_entities),
            std::end(html_entities),
            name,
            [](const auto& entity, std::string_view wanted) { return entity.first < wanted; }
        );
        if (found == std::end(html_entities) || found->first != name) {
            continue;
        }
        out.append(text, run, at - run);
        out += "&#" + std::to_string(found->second) + ';';
        run = end + 1;
    }
    out.append(text, run, text.size() - run);
    return out;
}

}  // namespace

void append_xml_text(std::string& out, std::string_view text, bool attribute) {
    std::size_t run = 0;
    const auto replace = [&](std::size_t at, std::size_t bytes, std::string_view with) {
        out.append(text, run, at - run);
        out += with;
        run = at + bytes;
    };
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte >= 0x40 && byte != 0xEF) {
            continue;
        }
        switch (byte) {
        case '&': replace(at, 1, "&amp;"); break;
        case '<': replace(at, 1, "&lt;"); break;
        case '>': replace(at, 1, "&gt;"); break;
        case '"': replace(at, 1, "&quot;"); break;
        case '\r': replace(at, 1, "&#13;"); break;
        case '\n':
            if (attribute) {
                replace(at, 1, "&#10;");
            }
            break;
        case '\t':
            if (attribute) {
                replace(at, 1, "&#9;");
            }
            break;
        case 0xEF:
            if (text.substr(at, 3) == "\xEF\xBF\xBE" || text.substr(at, 3) == "\xEF\xBF\xBF") {
                replace(at, 3, "\xEF\xBF\xBD");
                at += 2;
            }
            break;
        default:
            if (byte < 0x20) {
                replace(at, 1, "\xEF\xBF\xBD");
            }
        }
    }
    out.append(text, run, text.size() - run);
}

void append_xhtml(std::string& out, std::string_view div, bool checked) {
    constexpr std::string_view opening = "<div xmlns=\"http://www.w3.org/1999/xhtml\"";
    std::string numeric;
    Fragment fragment = checked ? Fragment::good : check_fragment(div);
    if (fragment == Fragment::broken) {
        numeric = with_numeric_entities(div);
        div = numeric;
        fragment = check_fragment(div);
    }
    switch (fragment) {
    case Fragment::good: out += div; break;
    case Fragment::without_namespace:
        out += opening;
        out += div.substr(4);
        break;
    case Fragment::broken:
        out += opening;
        out += '>';
        append_xml_text(out, div, false);
        out += "</div>";
    }
}

}  // namespace gatehouse::fhir
