-- name: plan_by_index
-- For this transaction only: plan for the tables as they are now and for these ids. While a partition is young the
-- planner would rather read it whole, and would remember that; ids that are known let other weeks be left out.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true);
