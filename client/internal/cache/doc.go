// Package cache stores values by their id: all of them ([Table]), the last used ([Bounded]), those of the last while
// ([Expiring]) or the last added ([Recent]). [Handles] and [BoundedHandles] store handles that a program may hold on to, so
// that one id never has two handles.
package cache
