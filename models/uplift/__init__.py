"""What a treatment changes, customer by customer: learners, their judgement, a test of whether there is anything to learn, a policy."""
