// The same question that Stockade answers: whose key is this, and may they use that model?
const users = { 'Bearer @KEY@': 'alice' };
const allowed = { alice: { 'llama3.2:3b': true } };

function check(r) {
    const user = users[r.headersIn.Authorization];
    if (!user) {
        r.return(401, '{"error":"unauthorized"}');
        return;
    }
    let model;
    try {
        model = JSON.parse(r.requestText).model;
    } catch (e) {
        r.return(400, '{"error":"invalid JSON"}');
        return;
    }
    if (!allowed[user][model]) {
        r.return(403, '{"error":"model not allowed"}');
        return;
    }
    r.internalRedirect('@up');
}

export default { check };
