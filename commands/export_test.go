package commands

import "context"

// Spoken is a wait as people read it.
var Spoken = spoken

// Run runs a command without a client, unless it is refused.
func Run(ctx context.Context, r *Router, c *Context, name string) error {
	e := r.find(name)
	c.Command, c.syntax = e.Command, e.syntax
	do, err := e.prepare(ctx, c)
	if err != nil {
		return err
	}
	return do(ctx)
}
