package client

import (
	"errors"
	"net/http"
	"slices"
)

// noList is the error of an answer that holds something else than a list: null, an object, a text, or a list of which
// no row can be read. It says nothing about what there is, and the list need not be empty.
func noList(op string) error {
	return &APIError{Op: op, Status: http.StatusOK, Message: "answered without a list"}
}

// unreadable reports whether QueUp has answered a call with something that makes no sense, and not with an error.
func unreadable(err error) bool {
	answer, ok := errors.AsType[*APIError](err)
	return ok && answer.Status == http.StatusOK
}

// noRows reports whether an answer has no list, or a list of rows none of which holds anything: then it is not known what there is. A
// list without any row, which has no capacity, is empty.
func noRows[T interface{ IsZero() bool }](list []T) bool {
	return list == nil || cap(list) > 0 && len(filled(list)) == 0
}

// filled returns the rows of a list that hold anything. Lists were seen with null in them, and an object without members says as little.
func filled[T interface{ IsZero() bool }](rows []T) []T {
	if !slices.ContainsFunc(rows, T.IsZero) {
		return rows
	}
	return slices.DeleteFunc(slices.Clone(rows), T.IsZero)
}
