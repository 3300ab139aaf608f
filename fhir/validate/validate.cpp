// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/validate.hpp"

#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir {

struct Validator::Impl {
    Impl(
        std::shared_ptr<const Schema> schema_,
        std::shared_ptr<const Terminology> terminology_,
        std::shared_ptr<const Advisor> advisor_
    )
        : schema(std::move(schema_)), terminology(std::move(terminology_)),
          advisor(std::move(advisor_)), planner(*schema, *terminology),
          known(schema->types(), schema->definitions()) {
        for (TypeId type = 1; type < known.primitives.size(); ++type) {
            if (known.primitive(type) != judge::PrimitiveKind::none) {
                const judge::Plan* base = planner.base(type);
                known.is_plain[type] = base == nullptr || !base->root().has_own_checks;
            }
        }
    }

    std::shared_ptr<const Schema> schema;
    std::shared_ptr<const Terminology> terminology;
    std::shared_ptr<const Advisor> advisor;
    judge::Planner planner;
    judge::KnownTypes known;
};

Validator::Validator(
    std::shared_ptr<const Schema> schema,
    std::shared_ptr<const Terminology> terminology,
    std::shared_ptr<const Advisor> advisor
)
    : impl_(std::make_unique<Impl>(std::move(schema), std::move(terminology), std::move(advisor))) {
}

Validator::~Validator() = default;

const Schema& Validator::schema() const {
    return *impl_->schema;
}

Validation Validator::validate(
    const Element& root,
    std::string_view source,
    std::span<const std::string_view> profiles,
    const ProfileChooser* chooser,
    const ValidateOptions& options,
    Arena& arena
) const {
    const auto new_walker = [&] {
        return judge::Walker(
            *impl_->schema,
            *impl_->terminology,
            impl_->planner,
            impl_->known,
            options,
            chooser,
            source,
            arena
        );
    };
    if (options.helpers != nullptr) {
        judge::Walker walker = new_walker();
        Validation out;
        if (walker.run_with_help(root, profiles, out)) {
            if (impl_->advisor != nullptr) {
                walker.take_advice(*impl_->advisor, root, out);
            }
            return out;
        }
    }
    judge::Walker walker = new_walker();
    Validation out = walker.run(root, profiles);
    if (impl_->advisor != nullptr) {
        walker.take_advice(*impl_->advisor, root, out);
    }
    return out;
}

}  // namespace gatehouse::fhir
