// Package queup is the root of the Go client for QueUp. Bots import the package client below it.
package queup

//go:generate go run ./tools/eventgen -in api/events.schema.json -out gen/wire
//go:generate go tool ogen --config api/ogen.client.yml --target gen/queupapi --package queupapi --clean api/openapi.yaml
//go:generate go tool ogen --config api/ogen.server.yml --target gen/queupserver --package queupserver --clean api/openapi.yaml
//go:generate go run ./tools/opgen -in api/openapi.yaml -out gen/queupapi -server gen/queupserver
//go:generate go run ./tools/docs -tables docs/PROTOCOL.md
