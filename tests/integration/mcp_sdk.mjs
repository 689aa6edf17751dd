// SPDX-License-Identifier: Apache-2.0
// Drives a server over stdio with the public TypeScript clients: one script, three ways to open a
// conversation. Prints TAP lines without a plan (mcp_clients.sh numbers them).
//
//   mcp_sdk.mjs v1|legacy|auto|modern fixture SERVER [ARG…]
//   mcp_sdk.mjs v1|legacy|auto|modern product SERVER [ARG…]    (PLAN_TOOL and PLAN_ARGS: see below)
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

const [mode, what, command, ...args] = process.argv.slice(2);
const require = createRequire(path.join(process.env.NODE_TESTBED, 'package.json'));
const load = name => import(pathToFileURL(require.resolve(name)));

function ok(cond, name, seen) {
    console.log(`${cond ? 'ok' : 'not ok'} - ${mode}: ${name}`);
    if (!cond) {
        console.log(`# seen: ${JSON.stringify(seen)?.slice(0, 600)}`);
        process.exitCode = 1;
    }
}

async function connect() {
    const v1 = mode === 'v1';
    const pkg = v1 ? '@modelcontextprotocol/sdk/client/' : '@modelcontextprotocol/client';
    const { Client } = await load(v1 ? `${pkg}index.js` : pkg);
    const { StdioClientTransport } = await load(v1 ? `${pkg}stdio.js` : `${pkg}/stdio`);
    const options = {
        v1: {},
        legacy: {},
        auto: { versionNegotiation: { mode: 'auto' } },
        modern: { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    }[mode];
    const client = new Client({ name: `sdk-${mode}`, version: '0' }, options);
    await client.connect(new StdioClientTransport({ command, args, env: process.env }));
    return client;
}

// v1 takes a result schema as second argument of callTool.
function caller(client) {
    return (name, a = {}, options = {}) =>
        mode === 'v1' ? client.callTool({ name, arguments: a }, undefined, options)
                      : client.callTool({ name, arguments: a }, options);
}

async function failure(promise) {
    try {
        return { result: await promise };
    } catch (e) {
        return { error: e };
    }
}

async function opening(client) {
    const info = client.getServerVersion();
    ok(info?.name && info?.version, 'server introduces itself', info);
    if (mode !== 'v1') {
        const era = client.getProtocolEra();
        ok(era === (mode === 'legacy' ? 'legacy' : 'modern'), 'era', era);
    }
    ok(client.getInstructions()?.length > 0, 'instructions', client.getInstructions());
    const { tools, nextCursor } = await client.listTools();
    ok(tools.length > 0 && nextCursor === undefined, 'tools on one page', nextCursor);
    ok(tools.every(t => t.inputSchema.type === 'object'), 'input schemas are objects');
    return tools;
}

async function fixture(client) {
    const call = caller(client);
    await opening(client);
    for (const name of ['test_simple_text', 'test_image_content', 'test_audio_content',
                        'test_embedded_resource', 'test_multiple_content_types']) {
        const r = await call(name);
        ok(r.content.length > 0 && !r.isError, name, r);
    }
    let r = await call('echo', { vmid: 101 });
    ok(r.structuredContent.arguments.vmid === 101 && r.structuredContent.actor === `mcp:sdk-${mode}`
       && JSON.stringify(r.structuredContent) === r.content[0].text, 'structured and text agree', r);
    r = await call('test_error_handling');
    ok(r.isError && r.structuredContent.code === 'intended', 'a tool error is a result', r);
    // The client holds structured content against the declared schema, in errors too.
    const held = await failure(call('refuse_with_schema'));
    ok(held.result?.isError && held.result.content[0].text.startsWith('plan_drifted'),
       'refusal by a tool with an output schema', String(held.error));
    const unknown = await failure(call('no_such_tool'));
    ok(unknown.error?.code === -32602, 'unknown tool is a protocol error', unknown);
    const crash = await failure(call('crash'));
    ok(crash.error?.code === -32603, 'a crash is a protocol error', crash);
    ok(!(await call('echo')).isError, 'and the next call works');

    const seen = [];
    r = await call('slow', { ms: 400, note_ms: 60 }, { onprogress: p => seen.push(p.progress) });
    ok(seen.length >= 3 && seen.every((v, i) => i === 0 || v > seen[i - 1]), 'progress rises', seen);

    const stop = new AbortController();
    const pending = failure(call('slow', { ms: 60000 },
                                 { signal: stop.signal, onprogress: () => stop.abort('enough') }));
    const aborted = await pending;
    ok(aborted.error !== undefined, 'abort', aborted);
    const late = await failure(call('slow', { ms: 60000 }, { timeout: 150 }));
    ok(late.error !== undefined, 'timeout', late);
    const many = await Promise.all(Array.from({ length: 40 }, (_, i) => call('echo', { i })));
    ok(many.every((m, i) => m.structuredContent.arguments.i === i), '40 calls at once, each its own');
}

// The product: read, plan, apply, refusal, progress, cancel, on the cluster that the caller set up.
// READ_TOOL/READ_ARGS, PLAN_TOOL/PLAN_ARGS (needs no approval), HIGH_TOOL/HIGH_ARGS (needs one),
// SLOW_TOOL/SLOW_ARGS (runs long enough to be cancelled).
async function product(client) {
    const env = n => [process.env[`${n}_TOOL`], JSON.parse(process.env[`${n}_ARGS`] ?? '{}')];
    const call = caller(client);
    const tools = await opening(client);
    ok(tools.every(t => ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'].every(
           h => typeof t.annotations?.[h] === 'boolean')), 'every tool carries all four hints');
    const read = await failure(call(...env('READ')));
    ok(read.result && !read.result.isError, 'read', read.result ?? String(read.error));
    const bad = await failure(call(env('READ')[0], { no_such_argument: 1 }));
    ok(bad.result?.isError && bad.result.content[0].text.startsWith('bad_argument'),
       'a wrong argument is something the model can mend', bad.result ?? String(bad.error));

    const plan = await failure(call(...env('PLAN')));
    const id = plan.result?.structuredContent?.plan_id;
    ok(/^P-[a-z2-7]{26}$/.test(id), 'plan', plan.result ?? String(plan.error));
    const notes = [];
    const apply = await failure(call('proximo_apply', { plan_id: id },
                                     { onprogress: p => notes.push(p) }));
    ok(apply.result && !apply.result.isError, 'apply', apply.result ?? String(apply.error));
    ok(notes.length > 0, 'progress during apply', notes);
    const again = await failure(call('proximo_apply', { plan_id: id }));
    ok(again.result?.isError && again.result.content[0].text.startsWith('plan_spent'),
       'a plan is applied once', again.result ?? String(again.error));

    const high = await failure(call(...env('HIGH')));
    const highId = high.result?.structuredContent?.plan_id;
    const refused = await failure(call('proximo_apply', { plan_id: highId }));
    ok(highId && refused.result?.isError && refused.result.content[0].text.startsWith('approval'),
       'a plan that needs approval is refused', refused.result ?? String(refused.error));

    if (process.env.SLOW_TOOL) {
        const stop = new AbortController();
        const aborted = await failure(call(...env('SLOW'),
                                           { signal: stop.signal, onprogress: () => stop.abort() }));
        ok(aborted.error !== undefined, 'cancel', aborted);
        ok(!(await call(...env('READ'))).isError, 'and the server goes on');
    }
}

const client = await connect();
await (what === 'product' ? product : fixture)(client);
await client.close();
