// Package byzantine runs networks of four validators of which some are faulty:
// they propose what no honest node may propose, sign what they may not sign, keep
// silent, have wrong clocks, or talk nonsense. The honest ones go on, agree, and
// write nothing that the publishers' keys did not allow.
package byzantine
