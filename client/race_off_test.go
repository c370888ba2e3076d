//go:build !race

package client

const UnderRace = false
