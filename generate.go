// Package queup is the root of the Go client for QueUp. Bots import the package client below it.
package queup

// The tables come first: they take a second, and name the rows that docs/PROTOCOL.md lacks.
//go:generate go run ./tools/gen tables -openapi api/openapi.yaml -events api/events.schema.json -page docs/PROTOCOL.md
//go:generate go run ./tools/gen events -in api/events.schema.json -out gen/wire
//go:generate go run ./tools/gen operations -in api/openapi.yaml -wire gen/wire -client gen/queupapi -server gen/queupserver
