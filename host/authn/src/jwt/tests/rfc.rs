//! The examples of RFC 7515, appendix A: tokens that somebody else made.

use super::*;

/// `{"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}`
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

const SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const HS256: [&str; 2] =
    ["eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"];

const RSA: &str = r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
const RS256: [&str; 2] = [
    "eyJhbGciOiJSUzI1NiJ9",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
];

const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const ES256: [&str; 2] = [
    "eyJhbGciOiJFUzI1NiJ9",
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
];

#[test]
fn signatures_of_the_standard_are_right() {
    let secret = Secret::new(URL_SAFE_NO_PAD.decode(SECRET).unwrap());
    let keys = [
        (HS256, KeySet::from_secret(&secret)),
        (RS256, KeySet::from_jwks(RSA.as_bytes())),
        (ES256, KeySet::from_jwks(P256.as_bytes())),
    ];
    for ([header, signature], keys) in keys {
        let joe = JwtIssuer { issuer: "joe".to_owned(), ..issuer(JwtKeys::fixed(keys.unwrap())) };
        let gateway = gateway(vec![joe]);
        let judged = |claims: &str| {
            let token = format!("{header}.{claims}.{signature}");
            identify(&gateway, &token, UnixTime::from_secs(1_300_819_379)).unwrap_err()
        };
        // It is signed, and meant for nobody in particular.
        assert!(matches!(judged(CLAIMS), AuthnError::Jwt(JwtRefusal::Audience { .. })), "{header}");
        let other = base64url(r#"{"iss":"joe", "exp":1300819381}"#);
        assert!(matches!(judged(&other), AuthnError::Jwt(JwtRefusal::Signature(_))), "{header}");
    }
}
