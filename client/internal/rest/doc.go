// Package rest sends the REST calls of a client and handles their responses.
//
// A [Doer] sits under the generated client. It takes a request, waits until the rate limits let it through (ratelimit.go), sends it as
// the account that is logged in (session.go), repeats it where that is safe, and checks the response (response.go). The generated
// client only ever sees JSON that means success.
//
// Everything else is one of the errors of this package (errors.go), without secrets (secrets.go). Package client turns them into its
// public errors; their texts are the same.
package rest
