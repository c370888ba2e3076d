// Package cache keeps values by their id: all of them ([Table]), those used last ([Bounded]), those of a
// while ([Expiring]) or those added last ([Recent]).
// [Handles] and [BoundedHandles] hold what a program may hold on to, so that one id never has two handles.
package cache
