// SPDX-License-Identifier: Apache-2.0
//
// fhir-kit-client against a running gateway over TLS: creates, reads, searches, transacts, pages.
// The base URL and the token come from the environment; run.py starts the gateway and sets them.
// The last line of output is the count for tests/run.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import Client from 'fhir-kit-client';

const baseUrl = process.env.GATEHOUSE_BASE;
const token = process.env.GATEHOUSE_TOKEN;
const client = new Client({ baseUrl, bearerToken: token });

const system = 'urn:test:client';
const patient = (value) => ({
  resourceType: 'Patient',
  identifier: [{ system, value }],
  name: [{ use: 'official', family: 'XXTESTPATIENT', given: ['Sample'] }],
  gender: 'female',
  birthDate: '1950-02-03',
});
const observation = (reference) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'Sample observation' },
  subject: { reference },
  effectiveDateTime: '2025-01-08',
  valueQuantity: { value: 4.5, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
});

const tests = {
  async 'reads the capability statement'() {
    const statement = await new Client({ baseUrl }).capabilityStatement();
    assert.equal(statement.resourceType, 'CapabilityStatement');
    assert.equal(statement.fhirVersion, '4.0.1');
    const types = statement.rest[0].resource.map((one) => one.type);
    for (const type of ['Patient', 'Observation', 'Bundle', 'MedicationRequest']) {
      assert.ok(types.includes(type), type);
    }
  },

  async 'creates, reads, updates, reads the old version, deletes'() {
    const created = await client.create({ resourceType: 'Patient', body: patient(randomUUID()) });
    assert.ok(created.id);
    assert.equal(created.meta.versionId, '1');
    const read = await client.read({ resourceType: 'Patient', id: created.id });
    assert.deepEqual(read, created);
    const updated = await client.update({
      resourceType: 'Patient', id: created.id, body: { ...read, active: true },
    });
    assert.equal(updated.meta.versionId, '2');
    const old = await client.vread({ resourceType: 'Patient', id: created.id, version: '1' });
    assert.equal(old.active, undefined);
    const history = await client.history({ resourceType: 'Patient', id: created.id });
    assert.equal(history.total, 2);
    await client.delete({ resourceType: 'Patient', id: created.id });
    await assert.rejects(client.read({ resourceType: 'Patient', id: created.id }),
      (error) => error.response.status === 410);
  },

  async 'is told what is wrong by an OperationOutcome'() {
    await assert.rejects(
      client.create({ resourceType: 'Observation', body: { resourceType: 'Observation', status: 'wrong' } }),
      (error) => {
        assert.equal(error.response.status, 422);
        assert.equal(error.response.data.resourceType, 'OperationOutcome');
        assert.ok(error.response.data.issue.some((one) => one.severity === 'error' && one.diagnostics));
        return true;
      },
    );
  },

  async 'searches by GET and by POST'() {
    const value = randomUUID();
    const created = await client.create({ resourceType: 'Patient', body: patient(value) });
    for (const options of [{}, { postSearch: true }]) {
      const found = await client.search({
        resourceType: 'Patient', searchParams: { identifier: `${system}|${value}` }, options,
      });
      assert.equal(found.type, 'searchset');
      assert.deepEqual(found.entry.map((one) => one.resource.id), [created.id]);
    }
    const none = await client.search({
      resourceType: 'Patient', searchParams: { identifier: `${system}|${randomUUID()}` },
    });
    assert.equal(none.total, 0);
  },

  async 'transacts, and the references are resolved'() {
    const fullUrl = `urn:uuid:${randomUUID()}`;
    const answer = await client.transaction({
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          { fullUrl, resource: patient(randomUUID()), request: { method: 'POST', url: 'Patient' } },
          {
            fullUrl: `urn:uuid:${randomUUID()}`,
            resource: observation(fullUrl),
            request: { method: 'POST', url: 'Observation' },
          },
        ],
      },
    });
    assert.equal(answer.type, 'transaction-response');
    const [first, second] = answer.entry.map((one) => one.response.location.split('/'));
    const made = await client.read({ resourceType: second[0], id: second[1] });
    assert.equal(made.subject.reference, `${first[0]}/${first[1]}`);
    const resolved = await client.resolve({ reference: made.subject.reference });
    assert.equal(resolved.id, first[1]);
  },

  async 'pages forward through a search, every record once'() {
    const { id } = await client.create({ resourceType: 'Patient', body: patient(randomUUID()) });
    const made = new Set();
    for (let i = 0; i < 23; i += 1) {
      const one = await client.create({ resourceType: 'Observation', body: observation(`Patient/${id}`) });
      made.add(one.id);
    }
    let bundle = await client.search({
      resourceType: 'Observation', searchParams: { subject: `Patient/${id}`, _count: 10 },
    });
    const seen = [];
    let pages = 0;
    while (bundle) {
      pages += 1;
      seen.push(...(bundle.entry ?? []).map((one) => one.resource.id));
      bundle = await client.nextPage({ bundle });
    }
    assert.equal(pages, 3);
    assert.equal(seen.length, 23);
    assert.deepEqual(new Set(seen), made);
  },

  async 'includes both ways, and asks for everything of a patient'() {
    const { id } = await client.create({ resourceType: 'Patient', body: patient(randomUUID()) });
    const made = await client.create({ resourceType: 'Observation', body: observation(`Patient/${id}`) });
    const found = await client.search({
      resourceType: 'Observation', searchParams: { subject: `Patient/${id}`, _include: 'Observation:subject' },
    });
    assert.equal(found.total, 1);
    assert.deepEqual(found.entry.map((one) => [one.resource.id, one.search.mode]), [[made.id, 'match'], [id, 'include']]);
    const back = await client.search({
      resourceType: 'Patient', searchParams: { _id: id, _revinclude: 'Observation:subject' },
    });
    assert.deepEqual(back.entry.map((one) => one.resource.id), [id, made.id]);
    const everything = await client.operation({ name: 'everything', resourceType: 'Patient', id, method: 'get' });
    const ids = everything.entry.map((one) => one.resource.id);
    assert.ok(ids.includes(id) && ids.includes(made.id));
  },

  async 'patches, and is told when a test does not hold'() {
    const { id } = await client.create({ resourceType: 'Patient', body: patient(randomUUID()) });
    const patched = await client.patch({
      resourceType: 'Patient', id, JSONPatch: [{ op: 'add', path: '/active', value: true }],
    });
    assert.equal(patched.active, true);
    assert.equal(patched.meta.versionId, '2');
    await assert.rejects(
      client.patch({ resourceType: 'Patient', id, JSONPatch: [{ op: 'test', path: '/active', value: false }] }),
      (error) => {
        assert.equal(error.response.status, 422);
        assert.equal(error.response.data.resourceType, 'OperationOutcome');
        return true;
      },
    );
  },

  async 'asks for history of a record, a type and everything'() {
    const { id } = await client.create({ resourceType: 'Patient', body: patient(randomUUID()) });
    assert.equal((await client.resourceHistory({ resourceType: 'Patient', id })).total, 1);
    for (const history of [await client.typeHistory({ resourceType: 'Patient' }), await client.systemHistory()]) {
      assert.equal(history.type, 'history');
      assert.equal(history.entry[0].resource.id, id);
    }
  },

  async 'uses conditional create'() {
    const value = randomUUID();
    const options = { headers: { 'If-None-Exist': `identifier=${system}|${value}` } };
    const first = await client.create({ resourceType: 'Patient', body: patient(value), options });
    const second = await client.create({ resourceType: 'Patient', body: patient(value), options });
    assert.equal(second.id, first.id);
  },

  async 'without a token is refused'() {
    await assert.rejects(new Client({ baseUrl }).read({ resourceType: 'Patient', id: 'x' }),
      (error) => error.response.status === 401);
  },
};

let passed = 0;
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    passed += 1;
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    const answer = error.response ? ` ${error.response.status} ${JSON.stringify(error.response.data)}` : '';
    console.log(`FAIL  ${name}: ${error.message}${answer.slice(0, 600)}`);
  }
}
console.log(JSON.stringify({ passed, failed, skipped: 0 }));
process.exit(failed ? 1 : 0);
