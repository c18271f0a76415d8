// jose as an issuer: makes keys in a directory, and prints tokens with what they deserve.
import { writeFileSync } from "node:fs";
import { SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair } from "jose";

const directory = process.argv[2];
const keys = {};
const published = [];
for (const alg of ["RS256", "ES256", "EdDSA"]) {
  keys[alg] = await generateKeyPair(alg, { extractable: true });
  published.push({ ...(await exportJWK(keys[alg].publicKey)), kid: `${alg}-1`, alg, use: "sig" });
}
// What another purpose has in the same set.
const other = await generateKeyPair("RSA-OAEP", { extractable: true });
published.push({ ...(await exportJWK(other.publicKey)), kid: "RSA-OAEP", use: "enc", alg: "RSA-OAEP" });
writeFileSync(`${directory}/jwks.json`, JSON.stringify({ keys: published }));
for (const [name, alg] of [["rsa", "RS256"], ["ec", "ES256"], ["ed", "EdDSA"]]) {
  writeFileSync(`${directory}/${name}.pem`, await exportSPKI(keys[alg].publicKey));
}
const secret = "a secret that jose and the gateway share";
writeFileSync(`${directory}/shared`, secret, { mode: 0o600 });

const token = (iss, alg, header = {}) =>
  new SignJWT()
    .setProtectedHeader({ alg, typ: "JWT", ...header })
    .setIssuer(iss)
    .setAudience("ollama")
    .setSubject("alice")
    .setIssuedAt()
    .setExpirationTime("10m");
const sign = (iss, alg, key, header) => token(iss, alg, header).sign(key);
const tokens = [];
for (const [alg, alone] of [["RS256", "rsa"], ["ES256", "ec"], ["EdDSA", "ed"]]) {
  const key = keys[alg].privateKey;
  tokens.push([`${alg} of a set`, await sign("set", alg, key, { kid: `${alg}-1` }), 200]);
  tokens.push([`${alg} by PEM`, await sign(alone, alg, key), 200]);
  tokens.push([`${alg} with another kid`, await sign("set", alg, key, { kid: "RSA-OAEP" }), 401]);
}
const shared = new TextEncoder().encode(secret);
tokens.push(["HS256", await sign("shared", "HS256", shared), 200]);
tokens.push(["an access token", await sign("shared", "HS256", shared, { typ: "at+jwt" }), 200]);
tokens.push(["a token of another kind", await sign("shared", "HS256", shared, { typ: "logout+jwt" }), 401]);
tokens.push(["expired", await token("shared", "HS256").setExpirationTime("-2m").sign(shared), 401]);
const unsigned = new UnsecuredJWT().setIssuer("shared").setAudience("ollama").setSubject("alice");
tokens.push(["unsigned", unsigned.setExpirationTime("10m").encode(), 401]);
console.log(JSON.stringify(tokens));
