// Package rest sends the REST calls of a client and handles their responses.
//
// A [Doer] sits under the generated client. It takes a request and waits until the rate limits let it through
// (ratelimit.go). It sends the request as the account that is logged in (session.go), and retries it where that is safe.
// Then it checks the response (response.go). The generated client only ever sees JSON that means success.
//
// Every other outcome is one of the errors of this package (errors.go), without secrets (secrets.go). Package client
// converts them to its public errors; their texts are the same.
package rest
