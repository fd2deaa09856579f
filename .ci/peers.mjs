// A SCIMMY server in memory on a port of this machine, for .ci/peers. Run from the folder with its packages.
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.cwd() + "/");
const load = async (name) => {
    const loaded = await import(pathToFileURL(require.resolve(name)));
    return loaded.default?.default ?? loaded.default;
};
const [express, SCIMMY, Routers] = [await load("express"), await load("scimmy"), await load("scimmy-routers")];

const stores = { User: new Map(), Group: new Map() };
const taken = (kind, id, value) =>
    [...stores[kind].values()].some(
        (held) => held.id !== id && held.userName?.toLowerCase() === value?.toLowerCase() && value !== undefined,
    );

for (const kind of ["User", "Group"]) {
    const store = stores[kind];
    const declared = SCIMMY.Resources.declare(SCIMMY.Resources[kind]);
    if (kind === "User") declared.extend(SCIMMY.Schemas.EnterpriseUser, false);
    declared
        .ingress(async (resource, data) => {
            if (kind === "User" && taken(kind, resource.id, data.userName))
                throw new SCIMMY.Types.Error(409, "uniqueness", "the user name is taken");
            if (resource.id && !store.has(resource.id)) throw new SCIMMY.Types.Error(404, null, "not found");
            const id = resource.id ?? randomUUID();
            const held = JSON.parse(JSON.stringify({ ...data, id }));
            held.meta = { created: store.get(id)?.meta.created ?? new Date(), lastModified: new Date() };
            store.set(id, held);
            return held;
        })
        .egress(async (resource) => {
            // Filtering is for the handler to do; paging is not.
            const all = [...store.values()];
            if (!resource.id) return resource.filter ? resource.filter.match(all) : all;
            if (!store.has(resource.id)) throw new SCIMMY.Types.Error(404, null, "not found");
            return store.get(resource.id);
        })
        .degress(async (resource) => {
            if (!store.delete(resource.id)) throw new SCIMMY.Types.Error(404, null, "not found");
        });
}

const app = express();
app.use("/scim", new Routers({
    type: "bearer",
    handler: async (request) => {
        if (request.header("Authorization") !== "Bearer peer-token") throw new Error("unknown token");
        return "peer";
    },
}));
app.listen(Number(process.argv[2]), "127.0.0.1");
