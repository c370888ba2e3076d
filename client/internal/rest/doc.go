// Package rest sends the REST calls of a client and handles their responses.
package rest
