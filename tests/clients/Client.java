// SPDX-License-Identifier: Apache-2.0
//
// HAPI's generic client against a running gateway over TLS. The base URL and the token come from the
// environment; run.py starts the gateway, gives this program its trust store and runs it as a source file.
// The last line of output is the count for tests/run.

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.model.api.Include;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.api.PreferReturnEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.gclient.ReferenceClientParam;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import ca.uhn.fhir.rest.server.exceptions.AuthenticationException;
import ca.uhn.fhir.rest.server.exceptions.PreconditionFailedException;
import ca.uhn.fhir.rest.server.exceptions.ResourceGoneException;
import ca.uhn.fhir.rest.server.exceptions.ResourceNotFoundException;
import ca.uhn.fhir.rest.server.exceptions.UnprocessableEntityException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.hl7.fhir.instance.model.api.IBaseOperationOutcome;
import org.hl7.fhir.r4.model.BooleanType;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.CodeType;
import org.hl7.fhir.r4.model.DateTimeType;
import org.hl7.fhir.r4.model.Enumerations;
import org.hl7.fhir.r4.model.IdType;
import org.hl7.fhir.r4.model.IntegerType;
import org.hl7.fhir.r4.model.Meta;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.Reference;
import org.hl7.fhir.r4.model.StringType;

public class Client {
    interface Test {
        void run() throws Exception;
    }

    static final String SYSTEM = "urn:test:client";
    static final FhirContext CONTEXT = FhirContext.forR4();
    static IGenericClient client;

    static void check(boolean holds, Object words) {
        if (!holds) {
            throw new AssertionError(String.valueOf(words));
        }
    }

    static void equal(Object found, Object wanted) {
        check(wanted.equals(found), "found " + found + ", wanted " + wanted);
    }

    static <E extends Exception> E fails(Class<E> kind, Test test) throws Exception {
        try {
            test.run();
        } catch (Exception error) {
            if (kind.isInstance(error)) {
                return kind.cast(error);
            }
            throw error;
        }
        throw new AssertionError("no " + kind.getSimpleName());
    }

    static IGenericClient connect(String token) {
        CONTEXT.getRestfulClientFactory().setServerValidationMode(ServerValidationModeEnum.NEVER);
        IGenericClient made = CONTEXT.newRestfulGenericClient(System.getenv("GATEHOUSE_BASE"));
        if (token != null) {
            made.registerInterceptor(new BearerTokenAuthInterceptor(token));
        }
        return made;
    }

    static Patient patient(String value) {
        Patient patient = new Patient();
        patient.addIdentifier().setSystem(SYSTEM).setValue(value);
        patient.addName().setFamily("XXTESTPATIENT").addGiven("Sample");
        patient.setGender(Enumerations.AdministrativeGender.FEMALE);
        patient.getBirthDateElement().setValueAsString("1950-02-03");
        return patient;
    }

    static Observation observation(String subject) {
        Observation observation = new Observation();
        observation.setStatus(Observation.ObservationStatus.FINAL);
        observation.getCode().setText("Sample observation");
        observation.setSubject(new Reference(subject));
        observation.setEffective(new DateTimeType("2025-01-08"));
        observation.setValue(new StringType("sample"));
        return observation;
    }

    static boolean isNew(MethodOutcome outcome) {
        return Boolean.TRUE.equals(outcome.getCreated());
    }

    static String fresh() {
        return UUID.randomUUID().toString();
    }

    static Patient created(String value) {
        return (Patient) client.create().resource(patient(value)).execute().getResource();
    }

    static Parameters pathPatch(String type, String path, String name, org.hl7.fhir.r4.model.Type value) {
        Parameters patch = new Parameters();
        Parameters.ParametersParameterComponent operation = patch.addParameter().setName("operation");
        operation.addPart().setName("type").setValue(new CodeType(type));
        operation.addPart().setName("path").setValue(new StringType(path));
        if (name != null) {
            operation.addPart().setName("name").setValue(new StringType(name));
        }
        operation.addPart().setName("value").setValue(value);
        return patch;
    }

    static void statement() {
        CapabilityStatement statement =
                client.capabilities().ofType(CapabilityStatement.class).execute();
        equal(statement.getFhirVersion().toCode(), "4.0.1");
        check(statement.getRestFirstRep().getResource().size() > 140, "types");
    }

    static void lives() throws Exception {
        MethodOutcome made = client.create().resource(patient(fresh())).execute();
        check(isNew(made), "created");
        IdType id = (IdType) made.getId();
        equal(id.getVersionIdPart(), "1");
        Patient read = client.read().resource(Patient.class).withId(id.getIdPart()).execute();
        equal(read.getMeta().getVersionId(), "1");
        read.setActive(true);
        MethodOutcome updated = client.update().resource(read).execute();
        equal(updated.getId().getVersionIdPart(), "2");
        Patient old = client.read().resource(Patient.class)
                .withIdAndVersion(id.getIdPart(), "1").execute();
        check(!old.hasActive(), "the old version");
        Patient same = client.read().resource(Patient.class).withId(id.getIdPart())
                .ifVersionMatches("2").returnNull().execute();
        check(same == null, "304");
        client.delete().resourceById("Patient", id.getIdPart()).execute();
        fails(ResourceGoneException.class,
                () -> client.read().resource(Patient.class).withId(id.getIdPart()).execute());
        fails(ResourceNotFoundException.class,
                () -> client.read().resource(Patient.class).withId(fresh()).execute());
    }

    static void isTold() throws Exception {
        Observation wrong = observation("Patient/x");
        wrong.setStatus(null);
        UnprocessableEntityException error = fails(UnprocessableEntityException.class,
                () -> client.create().resource(wrong).execute());
        IBaseOperationOutcome outcome = error.getOperationOutcome();
        check(outcome instanceof OperationOutcome, "OperationOutcome");
        OperationOutcome.OperationOutcomeIssueComponent issue = ((OperationOutcome) outcome).getIssueFirstRep();
        check(issue.hasDiagnostics() && issue.hasExpression() && issue.hasDetails(), issue.getDiagnostics());
        Patient held = created(fresh());
        held.setId(held.getIdElement().withVersion("7"));
        fails(PreconditionFailedException.class, () -> client.update().resource(held)
                .withAdditionalHeader("If-Match", "W/\"7\"").execute());
        fails(AuthenticationException.class,
                () -> connect(null).read().resource(Patient.class).withId("x").execute());
    }

    static void conditions() throws Exception {
        String value = fresh();
        String condition = "Patient?identifier=" + SYSTEM + "|" + value;
        MethodOutcome first = client.create().resource(patient(value)).conditionalByUrl(condition).execute();
        MethodOutcome second = client.create().resource(patient(value)).conditionalByUrl(condition).execute();
        check(isNew(first) && !isNew(second), "conditional create");
        equal(second.getId().getIdPart(), first.getId().getIdPart());
        Patient changed = patient(value);
        changed.setActive(true);
        MethodOutcome updated = client.update().resource(changed).conditionalByUrl(condition).execute();
        equal(updated.getId().getIdPart(), first.getId().getIdPart());
        equal(updated.getId().getVersionIdPart(), "2");
        String other = fresh();
        MethodOutcome made = client.update().resource(patient(other))
                .conditionalByUrl("Patient?identifier=" + SYSTEM + "|" + other).execute();
        check(isNew(made), "conditional update creates");
        client.create().resource(patient(value)).execute();
        fails(PreconditionFailedException.class,
                () -> client.update().resource(patient(value)).conditionalByUrl(condition).execute());
        client.delete().resourceConditionalByUrl("Patient?identifier=" + SYSTEM + "|" + other).execute();
        fails(ResourceGoneException.class, () -> client.read().resource(Patient.class)
                .withId(made.getId().getIdPart()).execute());
    }

    static void transacts() {
        String urn = "urn:uuid:" + fresh();
        Bundle bundle = new Bundle().setType(Bundle.BundleType.TRANSACTION);
        bundle.addEntry().setFullUrl(urn).setResource(patient(fresh()))
                .getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Patient");
        bundle.addEntry().setFullUrl("urn:uuid:" + fresh()).setResource(observation(urn))
                .getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Observation");
        Bundle answer = client.transaction().withBundle(bundle).execute();
        equal(answer.getType(), Bundle.BundleType.TRANSACTIONRESPONSE);
        IdType patient = new IdType(answer.getEntry().get(0).getResponse().getLocation());
        IdType made = new IdType(answer.getEntry().get(1).getResponse().getLocation());
        Observation read = client.read().resource(Observation.class).withId(made.getIdPart()).execute();
        equal(read.getSubject().getReference(), patient.toUnqualifiedVersionless().getValue());
    }

    static void searches() {
        String value = fresh();
        Patient held = created(value);
        String id = held.getIdElement().toUnqualifiedVersionless().getValue();
        Set<String> made = new HashSet<>();
        for (int i = 0; i < 23; i++) {
            made.add(client.create().resource(observation(id)).execute().getId().getIdPart());
        }
        Bundle found = client.search().forResource(Patient.class)
                .where(new TokenClientParam("identifier").exactly().systemAndIdentifier(SYSTEM, value))
                .returnBundle(Bundle.class).execute();
        equal(found.getTotal(), 1);
        Bundle posted = client.search().forResource(Patient.class).usingStyle(ca.uhn.fhir.rest.api.SearchStyleEnum.POST)
                .where(new TokenClientParam("identifier").exactly().systemAndIdentifier(SYSTEM, value))
                .returnBundle(Bundle.class).execute();
        equal(posted.getTotal(), 1);
        Bundle page = client.search().forResource(Observation.class)
                .where(new ReferenceClientParam("subject").hasId(id)).count(10).returnBundle(Bundle.class).execute();
        List<String> seen = new ArrayList<>();
        int pages = 0;
        while (page != null) {
            pages++;
            page.getEntry().forEach(entry -> seen.add(entry.getResource().getIdElement().getIdPart()));
            page = page.getLink(Bundle.LINK_NEXT) == null ? null : client.loadPage().next(page).execute();
        }
        equal(pages, 3);
        equal(seen.size(), 23);
        equal(new HashSet<>(seen), made);
    }

    static void includes() {
        Patient held = created(fresh());
        String id = held.getIdElement().getIdPart();
        String made = client.create().resource(observation("Patient/" + id)).execute().getId().getIdPart();
        Bundle found = client.search().forResource(Observation.class)
                .where(new ReferenceClientParam("subject").hasId("Patient/" + id))
                .include(new Include("Observation:subject")).returnBundle(Bundle.class).execute();
        equal(found.getTotal(), 1);
        equal(shown(found, Bundle.SearchEntryMode.INCLUDE), Set.of("Patient/" + id));
        equal(shown(found, Bundle.SearchEntryMode.MATCH), Set.of("Observation/" + made));
        Bundle back = client.search().forResource(Patient.class)
                .where(new TokenClientParam("_id").exactly().code(id))
                .revInclude(new Include("Observation:subject")).returnBundle(Bundle.class).execute();
        equal(shown(back, Bundle.SearchEntryMode.INCLUDE), Set.of("Observation/" + made));
        Bundle all = client.operation().onInstance(new IdType("Patient", id)).named("$everything")
                .withNoParameters(Parameters.class).useHttpGet().returnResourceType(Bundle.class).execute();
        Bundle posted = client.operation().onInstance(new IdType("Patient", id)).named("$everything")
                .withParameter(Parameters.class, "_count", new IntegerType(50))
                .returnResourceType(Bundle.class).execute();
        for (Bundle everything : List.of(all, posted)) {
            Set<String> ids = shown(everything, null);
            check(ids.containsAll(Set.of("Patient/" + id, "Observation/" + made)), ids);
        }
    }

    static Set<String> shown(Bundle bundle, Bundle.SearchEntryMode mode) {
        Set<String> ids = new HashSet<>();
        for (Bundle.BundleEntryComponent entry : bundle.getEntry()) {
            if (mode == null || entry.getSearch().getMode() == mode) {
                ids.add(entry.getResource().getIdElement().toUnqualifiedVersionless().getValue());
            }
        }
        return ids;
    }

    static void patches() throws Exception {
        IdType id = created(fresh()).getIdElement();
        MethodOutcome byJson = client.patch().withBody("[{\"op\":\"add\",\"path\":\"/active\",\"value\":true}]")
                .withId(id.getIdPart() == null ? null : new IdType("Patient", id.getIdPart()))
                .prefer(PreferReturnEnum.REPRESENTATION).execute();
        check(((Patient) byJson.getResource()).getActive(), "JSON Patch");
        MethodOutcome byPath = client.patch()
                .withFhirPatch(pathPatch("replace", "Patient.active", null, new BooleanType(false)))
                .withId(new IdType("Patient", id.getIdPart())).execute();
        equal(byPath.getId().getVersionIdPart(), "3");
        fails(UnprocessableEntityException.class,
                () -> client.patch().withBody("[{\"op\":\"test\",\"path\":\"/active\",\"value\":true}]")
                        .withId(new IdType("Patient", id.getIdPart())).execute());
    }

    static void history() {
        Patient held = created(fresh());
        String id = held.getIdElement().getIdPart();
        held.setActive(true);
        client.update().resource(held).execute();
        client.delete().resourceById("Patient", id).execute();
        Bundle versions = client.history().onInstance(new IdType("Patient", id)).returnBundle(Bundle.class).execute();
        equal(versions.getTotal(), 3);
        equal(versions.getEntryFirstRep().getRequest().getMethod(), Bundle.HTTPVerb.DELETE);
        Bundle type = client.history().onType(Patient.class).returnBundle(Bundle.class).count(2).execute();
        Bundle all = client.history().onServer().returnBundle(Bundle.class).count(2).execute();
        check(type.getEntry().size() == 2 && all.getEntry().size() == 2, "counts");
    }

    static void labels() {
        IdType id = new IdType("Patient", created(fresh()).getIdElement().getIdPart());
        Meta label = new Meta();
        label.addTag().setSystem("urn:test:tag").setCode("a");
        Meta added = client.meta().add().onResource(id).meta(label).execute();
        equal(added.getTagFirstRep().getCode(), "a");
        equal(client.meta().get(Meta.class).fromResource(id).execute().getTag().size(), 1);
        equal(client.meta().delete().onResource(id).meta(label).execute().getTag().size(), 0);
    }

    static void validates() {
        MethodOutcome outcome = client.validate().resource(patient(fresh())).execute();
        OperationOutcome said = (OperationOutcome) outcome.getOperationOutcome();
        check(said.getIssue().stream().noneMatch(
                issue -> issue.getSeverity() == OperationOutcome.IssueSeverity.ERROR), said);
    }

    public static void main(String[] arguments) {
        client = connect(System.getenv("GATEHOUSE_TOKEN"));
        Map<String, Test> tests = new LinkedHashMap<>();
        tests.put("reads the capability statement", Client::statement);
        tests.put("creates, reads, updates, reads the old version, is not modified, deletes", Client::lives);
        tests.put("is told what is wrong by an OperationOutcome", Client::isTold);
        tests.put("creates, updates and deletes under a condition", Client::conditions);
        tests.put("transacts, and the references are resolved", Client::transacts);
        tests.put("searches by GET and POST, pages forward, every record once", Client::searches);
        tests.put("includes both ways, and asks for everything of a patient", Client::includes);
        tests.put("patches in both forms, and is told when a test does not hold", Client::patches);
        tests.put("asks for history of a record, a type and everything", Client::history);
        tests.put("reads, adds and takes away labels", Client::labels);
        tests.put("validates", Client::validates);
        int passed = 0;
        int failed = 0;
        for (Map.Entry<String, Test> test : tests.entrySet()) {
            try {
                test.getValue().run();
                passed++;
                System.out.println("ok    " + test.getKey());
            } catch (Throwable error) {
                failed++;
                System.out.println("FAIL  " + test.getKey() + ": " + error);
            }
        }
        System.out.println("{\"passed\": " + passed + ", \"failed\": " + failed + ", \"skipped\": 0}");
        System.exit(failed == 0 ? 0 : 1);
    }
}
