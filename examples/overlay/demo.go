package main

import "github.com/queup-go/queup/queuptest"

// startDemo starts a QueUp in memory with a lively room.
func startDemo() *queuptest.Server {
	server := queuptest.NewServer(queuptest.Crowd(queuptest.CrowdConfig{Members: 80, Seed: 7, Rate: 1.5, Room: "lounge"}))
	lounge := server.Room("lounge")
	lounge.Say("alice", "welcome to the stream, everybody 👋")
	lounge.Say("bob", "the queue is open, bring something slow")
	return server
}
