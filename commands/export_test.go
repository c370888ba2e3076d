package commands

import "context"

// Spoken is how a wait is told to people.
var Spoken = spoken

// Run runs a command without a client, unless it is refused.
func Run(ctx context.Context, r *Router, c *Context, name string) error {
	e := r.find(name)
	c.Command, c.syntax = e.Command, e.syntax
	do, err := e.prepare(c)
	if err != nil {
		return err
	}
	return do(ctx)
}
