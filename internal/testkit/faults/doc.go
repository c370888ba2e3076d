// Package faults makes a network bad on purpose, for tests. An [Injector] stands between a program and its connections, on the
// seam of realtime ([Injector.Dialer]) or under anything that dials ([Injector.DialContext]). What it does carries the names
// of toxiproxy's toxics where those have one:
//
//	Latency, with jitter   bytes arrive later, in their order
//	Bandwidth              so many bytes a second
//	Slicer                 bytes arrive in small pieces
//	Reset      reset_peer  the connection is reset
//	Stall      timeout     nothing gets through, and writing blocks
//	HalfOpen               the peer is gone and nobody says so: writing works, nothing comes back
//	Truncate   limit_data  after so many bytes the connection ends
//	Duplicate              something arrives twice
//	Corrupt                a bit is flipped
//
// Faults act on the bytes below the websocket, in both directions; [Fault.Up], [Fault.Down] and [Fault.Frames] narrow them. They
// are changed while connections are open by [Injector.Set]. All chance comes from the seed: the same calls in the same order
// have the same faults. Time is the clock of package time, so a synctest bubble works, and faults that last minutes
// take none.
package faults
