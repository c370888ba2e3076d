package commands

import (
	"context"
	"errors"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/queup-go/queup/client"
)

// maxLine is the longest chat line, in UTF-16 units after HTML encoding. Source: docs/PROTOCOL.md 1.7.
const maxLine = 255

// about is the argument of help: nothing, a command, or a page of the list.
type about struct {
	Command string `arg:"optional"`
}

// help answers the command help.
func (r *Router) help(ctx context.Context, c *Context, args about) error {
	if wait := r.helps.use(c); wait > 0 {
		return &CooldownError{Command: c.Command.Name, Wait: wait}
	}
	name := args.Command
	for _, prefix := range r.prefixes {
		name = strings.TrimPrefix(name, prefix)
	}
	if e := r.find(name); e != nil {
		return r.explain(ctx, c, e)
	}
	page := 1
	if name != "" {
		n, err := strconv.Atoi(name)
		if err != nil {
			return c.UsageError("there is no such command")
		}
		page = n
	}
	pages := r.pages(c)
	if page < 1 || page > len(pages) {
		return c.UsageError(fmt.Sprintf("it has %d page(s)", len(pages)))
	}
	return c.Reply(ctx, r.noCommand(pages[page-1]))
}

// usable returns the commands that the author of a line may use there, by name and without hidden ones.
func (r *Router) usable(c *Context) []*entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var list []*entry
	for name, e := range r.entries {
		if name == strings.ToLower(e.Name) && !e.Hidden && e.allowed(c) == nil {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *entry) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return list
}

// pages lists the commands, as many on a page as a line of chat can hold. Each page begins with a word, because a line that begins
// with a command would run it in other bots with that prefix.
func (r *Router) pages(c *Context) []string {
	const begin = "Commands: "
	var pages []string
	line := begin
	for _, e := range r.usable(c) {
		name := client.Quote("x" + c.Prefix + e.Name)[1:] // a command may be called @everyone
		if line == begin {
			line += name
			continue
		}
		longer, onward := line+", "+name, hint(c, len(pages)+2)
		if lineLength(longer+onward) > maxLine {
			pages, longer = append(pages, line+onward), begin+name
		}
		line = longer
	}
	return append(pages, line+hint(c, 0))
}

// hint follows a list of commands: how to read more about one, and how to see page next, unless that is 0.
func hint(c *Context, next int) string {
	help := c.Prefix + c.Command.Name
	if next > 0 {
		return fmt.Sprintf(" … (%s %d goes on, %s <command> tells more)", help, next, help)
	}
	return fmt.Sprintf(" (%s <command> tells more)", help)
}

// lineLength is the length of a line as QueUp counts it.
func lineLength(text string) int { return len(utf16.Encode([]rune(html.EscapeString(text)))) }

// explain describes one command. It drops the last sentences of a text that is too long for the room, and shortens the first.
func (r *Router) explain(ctx context.Context, c *Context, e *entry) error {
	text := "Usage: " + c.Prefix + e.usage() // the command is not first, or other bots would run it with this one's rights
	if e.Help != "" {
		text += ": " + e.Help
	}
	sentences := []string{strings.TrimSuffix(text, ".") + "."}
	if len(e.Aliases) > 0 {
		sentences = append(sentences, "Also "+c.Prefix+strings.Join(e.Aliases, ", "+c.Prefix)+".")
	}
	if who := audience(c.Room, e.Permission, e.Role); who != "" {
		sentences = append(sentences, "For "+who+".")
	}
	if e.Cooldown > 0 {
		sentences = append(sentences, "Once in "+spoken(e.Cooldown)+".")
	}
	if e.UserCooldown > 0 {
		sentences = append(sentences, "Once in "+spoken(e.UserCooldown)+" for each of you.")
	}
	for {
		text := r.noCommand(client.Quote(strings.Join(sentences, " "))) // the people of the room name its roles
		if c.Room == nil || len(sentences) == 1 {
			return c.Reply(ctx, text)
		}
		_, err := c.Room.SendLong(ctx, text)
		if _, tooLong := errors.AsType[*client.MessageTooLongError](err); !tooLong {
			return err
		}
		sentences = sentences[:len(sentences)-1]
	}
}

// longestTypo is the longest name that is compared, in letters.
const longestTypo = 32

// similar returns the name that the author probably meant, of the commands they may use; empty if there is none.
func (r *Router) similar(c *Context, name string) string {
	best, least := "", 3
	said := []rune(strings.ToLower(name))
	if len(said) > longestTypo {
		return ""
	}
	for _, e := range r.usable(c) {
		for _, known := range slices.Concat([]string{e.Name}, e.Aliases) {
			wanted := []rune(strings.ToLower(known))
			if d := distance(said, wanted); d < least && d <= len(wanted)/2 {
				best, least = known, d
			}
		}
	}
	return best
}

// distance is how many letters must be inserted, deleted, replaced or swapped with their neighbour to turn a into b.
func distance(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for k := range rows[i] {
			switch {
			case i == 0 || k == 0:
				rows[i][k] = i + k
			case a[i-1] == b[k-1]:
				rows[i][k] = rows[i-1][k-1]
			default:
				rows[i][k] = 1 + min(rows[i-1][k], rows[i][k-1], rows[i-1][k-1])
				if i > 1 && k > 1 && a[i-1] == b[k-2] && a[i-2] == b[k-1] {
					rows[i][k] = min(rows[i][k], 1+rows[i-2][k-2])
				}
			}
		}
	}
	return rows[len(a)][len(b)]
}
